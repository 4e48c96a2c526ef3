/* What a reader chooses, drops and reads. Nothing leaves this page: its content policy forbids every connection. */

const WORDS = JSON.parse(document.getElementById("words").textContent);
const REGISTER = JSON.parse(document.getElementById("register").textContent);
const LANGUAGE = document.documentElement.lang;
const LARGEST_RECEIPT = 8 * 2 ** 20;
const LARGEST_PDF = 32 * 2 ** 20;
const PIECE = 4 * 2 ** 20;

const at = (id) => document.getElementById(id);
const nothing = () => ({ receipt: null, copy: null, files: [], notes: [] });
let given = nothing(); // another one after "start again": what was begun before is then not shown any more
let queue = Promise.resolve();

// --- Words ---

/** Names come from strangers: no characters that turn or hide the text around them. */
const shown = (name) => `\u2068${String(name).replace(/[\p{Cc}\p{Cf}]/gu, "\ufffd")}\u2069`;

function time(unix) {
  const language = LANGUAGE === "en" ? "en-GB" : LANGUAGE; // the day before the month, as on our other pages
  const form = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "medium", timeZone: "UTC" });
  return Number.isFinite(unix) && unix < 8.64e12 ? `${form.format(unix * 1000)} UTC` : "?";
}

const FORMS = {
  time,
  part: (part) => WORDS[`part_${part}`] ?? part,
  section: (name) => WORDS.sections[name] ?? shown(name),
  names: (names) => names.map(shown).join(", "),
  file: shown,
  name: shown,
  address: String,
  index: String,
  size: String,
  count: String,
  percent: String,
};

/** The sentence of this code; absent ones are "". */
function say(code, facts = {}) {
  return (WORDS[code] ?? "").replace(/\{(\w+)\}/g, (_, fact) => FORMS[fact](facts[fact]));
}

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

// --- What was brought: told apart by content, never by name ---

async function take(file, mine) {
  const start = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  const begins = new TextDecoder().decode(start).trimStart();
  if (begins.startsWith("{") && file.size <= LARGEST_RECEIPT) {
    const kind = known(new Uint8Array(await file.arrayBuffer()));
    if (kind) return keep(mine, kind.is, kind.content, file);
  }
  if (begins.startsWith("%PDF-") && file.size <= LARGEST_PDF) {
    for (const attached of await attachments(new Uint8Array(await file.arrayBuffer()))) {
      const kind = known(attached);
      if (kind?.is === "receipt") {
        mine.notes.push(say("printed"));
        return keep(mine, "receipt", kind.content, file);
      }
    }
  }
  if (begins.startsWith(PROOF)) return mine.notes.push(say("proof_alone", { file: file.name }));
  mine.files.push({ name: file.name, size: file.size, sha256: await digestOf(file, mine) });
}

function keep(mine, what, content, file) {
  if (mine[what]) mine.notes.push(say("replaced", { file: file.name }));
  mine[what] = content;
}

/** A receipt, also one that is damaged or of a later kind; or what was downloaded of a claim; or null. */
function known(bytes) {
  let text, content;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    content = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(content)) return null;
  const has = (...names) => names.filter((name) => Object.hasOwn(content, name)).length;
  if (String(content.format).startsWith("registry-receipt/") || has("entry", "promise", "proof", "vkeys") > 2) {
    return { is: "receipt", content: text };
  }
  return has("digest", "manifest", "sections") === 3 ? { is: "copy", content } : null;
}

/** The files inside a PDF, as the PDF receipt holds one. */
async function attachments(bytes) {
  const text = new TextDecoder("latin1").decode(bytes);
  const found = [];
  for (const match of text.matchAll(/\/EmbeddedFile\b/g)) {
    const begin = text.lastIndexOf(" obj", match.index);
    const stream = /^[^]{0,2000}?\bstream\r?\n/.exec(text.slice(match.index, match.index + 2100));
    if (begin < 0 || !stream) continue;
    const from = match.index + stream[0].length;
    const facts = text.slice(begin, from);
    const length = Number(/\/Length\s+(\d+)(?!\s+\d+\s+R)/.exec(facts)?.[1] ?? NaN);
    if (!(length <= LARGEST_RECEIPT)) continue;
    const content = bytes.slice(from, from + length);
    try {
      found.push(facts.includes("/FlateDecode") ? await inflated(content) : content);
    } catch {
      // what cannot be unpacked is no receipt
    }
  }
  return found;
}

async function inflated(bytes) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const pieces = [];
  for (let length = 0, read; !(read = await reader.read()).done; pieces.push(read.value)) {
    length += read.value.length;
    need(length <= LARGEST_RECEIPT, "receipt");
  }
  return join(...pieces);
}

async function digestOf(file, mine) {
  const hash = new Sha256();
  for (let from = 0; from < file.size && mine === given; from += PIECE) {
    progress(file, from);
    hash.add(new Uint8Array(await file.slice(from, from + PIECE).arrayBuffer()));
  }
  return hex(hash.digest());
}

function progress(file, from) {
  at("progress").hidden = false;
  at("progress").textContent = say("reading", { file: file.name, percent: Math.floor((100 * from) / file.size) });
}

// --- Acts ---

function bring(files) {
  const mine = given;
  queue = queue.then(async () => {
    document.body.setAttribute("aria-busy", "true");
    for (const file of files) {
      if (mine !== given) break;
      try {
        await take(file, mine);
      } catch {
        mine.notes.push(say("unreadable", { file: file.name }));
      }
    }
    if (mine === given) await judge();
    at("progress").hidden = true;
    document.body.removeAttribute("aria-busy");
  });
}

async function judge() {
  at("verdict").replaceChildren();
  at("report").replaceChildren();
  const { keys, wrong } = trustedKeys();
  at("keys-error").hidden = !wrong;
  at("keys").setAttribute("aria-invalid", String(wrong));
  if (wrong) return at("keys").focus();
  if (!given.receipt) return show({ verdict: "nothing", checks: [] });
  const { copy, files } = given;
  const paper = scanned();
  let report;
  try {
    report = await check(given.receipt, { trusted: keys, paper, copy, files, now: Date.now() / 1000 });
  } catch {
    report = { verdict: "failed", checks: [] }; // a fault of this page proves nothing and refutes nothing
  }
  show(report, { by: (await browserHasEd25519) ? "browser" : "page" });
}

/** The leaf hash that the code on a printed receipt brought here; it stands behind the #, so no server is told. */
const scanned = () => /^#([0-9a-f]{64})$/.exec(location.hash)?.[1];

/** While a reader names keys of their own, only these count. */
function trustedKeys() {
  const entered = at("keys").value.split("\n").map((line) => line.trim()).filter(Boolean);
  try {
    return { keys: (entered.length ? entered : REGISTER.vkeys).map((vkey) => verifierKey(vkey, "vkeys")), wrong: false };
  } catch {
    return { keys: [], wrong: true };
  }
}

function startAgain() {
  given = nothing();
  at("files").value = "";
  for (const id of ["verdict", "report"]) at(id).replaceChildren();
  for (const id of ["progress", "again"]) at(id).hidden = true;
  at("files").focus();
}

// --- The answer ---

const LOOKS = { proven: "done", waiting: "notice", overdue: "notice", nothing: "notice", failed: "notice", altered: "wrong", foreign: "wrong" };

function show(report, { by } = {}) {
  const { verdict, isMisfit, receipt } = report;
  const facts = { time: Number(receipt?.promise.by), address: REGISTER.address };
  const isBad = isMisfit && verdict !== "altered" && verdict !== "foreign";
  const banner = element("div", "", `banner ${isBad ? "wrong" : LOOKS[verdict]}`);
  banner.dataset.verdict = isBad ? "misfit" : verdict;
  const sentences = [say(verdict, facts), say(`${verdict}_next`, facts), ...given.notes];
  const heading = isBad ? say(`misfit_${verdict === "proven" ? "proven" : "other"}`) : sentences.shift();
  banner.append(element("h2", heading), ...sentences.filter(Boolean).map((text) => element("p", text)));
  at("verdict").replaceChildren(banner);
  at("again").hidden = false;
  at("report").replaceChildren(...(report.checks.length ? parts(report, by) : []));
  at("verdict").scrollIntoView({ block: "start" });
}

function parts(report, by) {
  const { verdict, checks, receipt, entry } = report;
  const made = [];
  const isGenuine = ["proven", "waiting", "overdue"].includes(verdict);
  if (isGenuine) {
    made.push(...list("proven_title", proven(report)), ...list("unproven_title", unproven(report)));
  }
  made.push(element("h3", say("checks_title")), checkList(checks));
  if (receipt) {
    made.push(element("h3", say("says_title")), element("p", say(isGenuine ? "says" : "says_unproven"), "hint"), summary(told(receipt, entry)));
    const details = element("details");
    details.append(element("summary", say("technical")), summary(technical(receipt, by), "digest"));
    made.push(details);
  }
  return made;
}

function list(title, sentences) {
  if (!sentences.length) return [];
  const made = element("ul");
  made.append(...sentences.map((text) => element("li", text)));
  return [element("h3", say(title)), made];
}

function proven({ verdict, checks, receipt }) {
  const has = (code) => checks.some((c) => c.code === code && c.state === "yes");
  const sentences = [];
  if (verdict === "proven") {
    sentences.push(say("proven_logged", { size: receipt.proof.checkpoint.size }));
    const times = checks.filter((c) => c.code === "witness" && c.state === "yes").map((c) => c.time);
    if (times.length) sentences.push(say("proven_witnessed", { time: Math.min(...times) }));
  } else if (has("promise")) {
    sentences.push(say("proven_promised", { time: Number(receipt.promise.by) }));
  }
  if (has("version")) sentences.push(say("proven_version"));
  if (has("evidence") && receipt.evidence.length) sentences.push(say("proven_evidence"));
  if (has("copy")) sentences.push(say("proven_copy"));
  const files = checks.filter((c) => c.code === "file" && c.state === "yes").map((c) => c.file);
  if (files.length) sentences.push(say("proven_files", { names: files }));
  return sentences;
}

function unproven({ checks }) {
  const witnessed = checks.some((c) => c.code === "witness" && c.state === "yes");
  return [
    say("unproven_truth"),
    say("unproven_who"),
    say("unproven_since"),
    say(witnessed ? "unproven_hour" : "unproven_alone"),
    say(at("keys").value.trim() ? "unproven_your_keys" : "unproven_keys"),
  ];
}

function checkList(checks) {
  const made = element("ul", "", "files checks");
  for (const one of checks) {
    const item = element("li");
    item.dataset.check = one.code;
    item.dataset.state = one.state;
    const look = { yes: "done", no: "wrong", open: "off" }[one.state];
    item.append(element("span", say(`${one.code}_${one.state}`, one)), element("strong", say(one.state), `state ${look}`));
    made.append(item);
  }
  return made;
}

/** What stands in the entry, in words. */
function told({ evidence }, entry) {
  const facts = isObject(entry.facts) ? entry.facts : {};
  const rows = [
    ["told_what", WORDS.kinds[entry.kind] ?? shown(entry.kind)],
    ["told_at", time(Date.parse(entry.at) / 1000)],
  ];
  if (typeof facts.number === "string") rows.push(["told_number", shown(facts.number)]);
  for (const file of evidence) rows.push(["told_file", `${shown(file.name)}, ${WORDS.bytes.replace("{size}", file.size_bytes)}`]);
  return rows;
}

function technical({ leaf, proof, origin, entry, evidence, keys }, by) {
  const rows = [["technical_origin", shown(origin)], ["technical_leaf", hex(leaf)]];
  if (proof) {
    const { size, root, lines } = proof.checkpoint;
    rows.push(["technical_index", `${proof.index} / ${size}`], ["technical_root", hex(root)]);
    for (const { id } of lines) rows.push(["technical_signature", shown(id)]);
  }
  if (entry.version) rows.push(["technical_version", entry.version]);
  for (const file of evidence) rows.push([null, file.sha256, `${shown(file.name)} (SHA-256)`]);
  for (const { vkey } of keys) rows.push(["technical_key", shown(vkey)]);
  rows.push(["technical_ed25519", say(`technical_by_${by}`)]);
  return rows;
}

function summary(rows, className = "") {
  const made = element("dl", "", "summary");
  for (const [code, value, name] of rows) {
    const row = element("div");
    row.append(element("dt", name ?? say(code)), element("dd", value, className));
    made.append(row);
  }
  return made;
}

// --- Begin ---

at("no-script").hidden = true;
at("scanned").hidden = !scanned();
if (crypto.subtle) {
  at("ask").hidden = false;
  at("files").addEventListener("change", ({ target }) => {
    bring([...target.files]);
    target.value = ""; // the same file may be chosen again
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) bring([...event.dataTransfer.files]);
  });
  at("use-keys").addEventListener("click", () => (queue = queue.then(judge)));
  at("again").addEventListener("click", startAgain);
} else {
  at("insecure").hidden = false;
}
if (location.protocol === "file:") at("save").hidden = true;
