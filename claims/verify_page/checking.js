/* Check a receipt, with nothing but what is given here: no network, no other file. docs/ledger.md gives every byte.
   It follows ledger/notes.py and ledger/tree.py line for line, and is as strict as they are. */

const RECEIPT = "registry-receipt/1";
const MEMBERS = ["format", "origin", "entry", "version", "evidence", "evidence_section", "promise", "proof", "vkeys", "timestamp"];
const PROOF = "c2sp.org/tlog-proof@v1";
const PROMISE = "registry-promise/1";
const RENEWAL = "registry-timestamp-renewal/1\n";
const LOG = 1;
const WITNESS = 4;
const MAX_NUMBER = 2n ** 63n - 1n;

/** A part that is not what it must be. `part` names it: words.part_... */
class Damaged extends Error {
  constructor(part) {
    super(part);
    this.part = part;
  }
}

function need(holds, part) {
  if (!holds) throw new Damaged(part);
}

// --- Bytes ---

const utf8 = (text) => new TextEncoder().encode(text);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const equal = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

function join(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function unhex(text, length, part) {
  need(typeof text === "string" && text.length === 2 * length && /^[0-9a-f]*$/.test(text), part);
  return Uint8Array.from({ length }, (_, at) => parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

function unbase64(text, part) {
  let binary = "";
  try {
    binary = atob(text);
  } catch {
    throw new Damaged(part);
  }
  need(btoa(binary) === text, part); // one spelling only: no spaces, no bits left over
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

/** Text that has one spelling in UTF-8. */
function wellFormed(text, part) {
  need(typeof text === "string" && !/\p{Surrogate}/u.test(text), part);
  return text;
}

function bigEndian64(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}

// --- SHA-256. The browser's own cannot take a file of several gigabytes piece by piece ---

const ROUNDS = Int32Array.of(
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);

class Sha256 {
  #state = Int32Array.of(
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  );
  #words = new Int32Array(64);
  #rest = new Uint8Array(64);
  #restLength = 0;
  #length = 0;

  add(bytes) {
    this.#length += bytes.length;
    let at = 0;
    if (this.#restLength) {
      at = Math.min(64 - this.#restLength, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#restLength);
      this.#restLength += at;
      if (this.#restLength < 64) return this;
      this.#block(this.#rest, 0);
      this.#restLength = 0;
    }
    for (; at + 64 <= bytes.length; at += 64) this.#block(bytes, at);
    this.#rest.set(bytes.subarray(at));
    this.#restLength = bytes.length - at;
    return this;
  }

  digest() {
    const bits = bigEndian64(8n * BigInt(this.#length));
    const zeros = (119 - (this.#length % 64)) % 64;
    this.add(join(Uint8Array.of(0x80), new Uint8Array(zeros), bits));
    const digest = new Uint8Array(32);
    const view = new DataView(digest.buffer);
    this.#state.forEach((word, at) => view.setInt32(4 * at, word));
    return digest;
  }

  #block(bytes, start) {
    const w = this.#words;
    for (let i = 0, at = start; i < 16; i++, at += 4) {
      w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    const s = this.#state;
    let a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    s[0] += a;
    s[1] += b;
    s[2] += c;
    s[3] += d;
    s[4] += e;
    s[5] += f;
    s[6] += g;
    s[7] += h;
  }
}

const sha256 = (...parts) => parts.reduce((hash, part) => hash.add(part), new Sha256()).digest();

// --- Ed25519: the browser's own where it has it, and else noble-ed25519, which stands above in this file ---

/** Whether the browser's own tells a good signature (RFC 8032, test 1) from a bad one. */
const browserHasEd25519 = (async () => {
  const key = unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", 32, "");
  const signature = unhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    64,
    "",
  );
  try {
    return (await ownEd25519(key, signature, utf8(""))) && !(await ownEd25519(key, signature, utf8(" ")));
  } catch {
    return false;
  }
})();

async function ownEd25519(publicKey, signature, message) {
  const key = await crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
}

async function isSigned(publicKey, signature, text) {
  if (signature.length !== 64) return false;
  try {
    return (await browserHasEd25519)
      ? await ownEd25519(publicKey, signature, utf8(text))
      : await verifyAsync(signature, utf8(text), publicKey, { zip215: false });
  } catch {
    return false; // the key is no point of the curve
  }
}

// --- Tree (RFC 6962) ---

const leafHash = (salt, body) => sha256(Uint8Array.of(0), salt, utf8(body));
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

function stands(leaf, index, size, hashes, root) {
  if (index >= size) return false;
  let [node, last, found] = [index, size - 1n, leaf];
  for (const hash of hashes) {
    if (last === 0n) return false;
    if (node & 1n || node === last) {
      found = nodeHash(hash, found);
      while (!(node & 1n) && node) [node, last] = [node >> 1n, last >> 1n];
    } else {
      found = nodeHash(found, hash);
    }
    [node, last] = [node >> 1n, last >> 1n];
  }
  return last === 0n && equal(found, root);
}

// --- Notes (C2SP) ---

function number(text, part) {
  need(/^(0|[1-9][0-9]{0,18})$/.test(text) && BigInt(text) <= MAX_NUMBER, part);
  return BigInt(text);
}

function hash(text, part) {
  const bytes = unbase64(text, part);
  need(bytes.length === 32, part);
  return bytes;
}

/** A key and what it is for; `id` finds its signatures. */
function verifierKey(vkey, part) {
  wellFormed(vkey, part);
  const [name, id, ...rest] = vkey.split("+");
  need(rest.length && /^[^\s\p{Cc}]+$/u.test(name), part);
  const material = unbase64(rest.join("+"), part);
  const [type, key] = [material[0], material.slice(1)];
  need([LOG, WITNESS].includes(type) && key.length === 32, part);
  const expected = sha256(utf8(name), Uint8Array.of(0x0a, type), key).slice(0, 4);
  need(id === hex(expected), part);
  return { name, id: `${name} ${id}`, type, key, vkey };
}

function note(text, part) {
  wellFormed(text, part);
  const end = text.lastIndexOf("\n\n");
  need(text.length <= 1_000_000 && end > 0 && text.endsWith("\n"), part);
  const [said, below] = [text.slice(0, end + 1), text.slice(end + 2, -1).split("\n")];
  need(!/[\x00-\x09\x0b-\x1f]/.test(said), part);
  need(below.length <= 100 && new Set(below).size === below.length, part);
  const lines = below.map((line) => {
    const match = /^\u2014 ([^\s+\p{Cc}]+) ([A-Za-z0-9+/=]+)$/u.exec(line);
    need(match, part);
    const bytes = unbase64(match[2], part);
    need(bytes.length >= 5, part);
    return { name: match[1], id: `${match[1]} ${hex(bytes.slice(0, 4))}`, signature: bytes.slice(4) };
  });
  return { text: said, lines };
}

function readCheckpoint(text) {
  const { text: said, lines } = note(text, "checkpoint");
  const [origin, size, root, ...more] = said.slice(0, -1).split("\n");
  need(origin && size && root && more.every(Boolean), "checkpoint");
  return { text: said, lines, origin, size: number(size, "checkpoint"), root: hash(root, "checkpoint") };
}

function readProof(text) {
  wellFormed(text, "proof");
  const end = text.indexOf("\n\n");
  need(end > 0, "proof");
  const lines = text.slice(0, end).split("\n");
  need(lines.shift() === PROOF, "proof");
  if (lines[0]?.startsWith("extra ")) unbase64(lines.shift().slice(6), "proof");
  need(lines[0]?.startsWith("index "), "proof");
  const index = number(lines.shift().slice(6), "proof");
  need(lines.length <= 63, "proof");
  const hashes = lines.map((line) => hash(line, "proof"));
  return { index, hashes, checkpoint: readCheckpoint(text.slice(end + 2)) };
}

function readPromise(text) {
  const { text: said, lines } = note(text, "promise");
  const [format, origin, leaf, by, ...more] = said.slice(0, -1).split("\n");
  need(format === PROMISE && origin && leaf && by && !more.length, "promise");
  return { text: said, lines, origin, leaf: hash(leaf, "promise"), by: number(by, "promise") };
}

/** How a note is signed by keys of this type and, for a log, of this name: those that fit, and whether a
    signature of a known key does not. A witness's signature tells its time. */
async function signedBy(said, keys, type, name) {
  const found = { good: [], bad: [] };
  for (const line of said.lines) {
    const key = keys.find((k) => k.id === line.id && k.type === type && (type === WITNESS || k.name === name));
    if (!key) continue;
    let [message, signature, at] = [said.text, line.signature, 0];
    if (type === WITNESS) {
      if (signature.length !== 72) {
        found.bad.push({ key, at });
        continue;
      }
      at = Number(new DataView(signature.buffer, signature.byteOffset).getBigUint64(0));
      message = `cosignature/v1\ntime ${at}\n${said.text}`;
      signature = signature.slice(8);
    }
    const fits = (await isSigned(key.key, signature, message)) && !found.good.some((other) => other.key === key);
    found[fits ? "good" : "bad"].push({ key, at });
  }
  return found;
}

// --- Stamps of outside time (RFC 3161): what they say, not whether the authority's certificate is good ---

const HASHES = {
  "2.16.840.1.101.3.4.2.1": ["sha256", "SHA-256"],
  "2.16.840.1.101.3.4.2.2": ["sha384", "SHA-384"],
  "2.16.840.1.101.3.4.2.3": ["sha512", "SHA-512"],
  "2.16.840.1.101.3.4.2.8": ["sha3-256", null],
  "2.16.840.1.101.3.4.2.9": ["sha3-384", null],
  "2.16.840.1.101.3.4.2.10": ["sha3-512", null],
};

/** The value at the start of these bytes, and what follows it. */
function der(bytes) {
  let [length, start] = [bytes[1], 2];
  if (length & 0x80) {
    const size = length & 0x7f;
    need(size >= 1 && size <= 3, "timestamp");
    length = bytes.slice(2, 2 + size).reduce((sum, byte) => 256 * sum + byte, 0);
    start += size;
  }
  need(bytes.length >= start + length, "timestamp");
  return { tag: bytes[0], value: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) };
}

function members(bytes) {
  const found = [];
  for (let rest = bytes; rest.length; ) {
    const next = der(rest);
    found.push(next);
    rest = next.rest;
  }
  return found;
}

function oid(bytes) {
  const arcs = [];
  let arc = 0;
  for (const byte of bytes) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte < 128) arcs.push(arc), (arc = 0);
  }
  const first = Math.min(2, Math.floor(arcs[0] / 40));
  return [first, arcs[0] - 40 * first, ...arcs.slice(1)].join(".");
}

function readStamp(link) {
  need(link && typeof link.algorithm === "string" && typeof link.token === "string", "timestamp");
  const token = unbase64(link.token, "timestamp");
  const whole = der(token);
  need(whole.tag === 0x30 && !whole.rest.length, "timestamp");
  const content = members(whole.value)[1];
  const signed = members(der(content?.value ?? []).value);
  const inner = members(signed[2]?.value ?? [])[1];
  const info = members(der(der(inner?.value ?? []).value).value);
  need(info.length >= 5 && info[2].tag === 0x30 && info[4].tag === 0x18 && info[4].value.length < 40, "timestamp");
  const [algorithm, imprint] = members(info[2].value);
  const time = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d+)?Z$/.exec(String.fromCharCode(...info[4].value));
  need(algorithm && imprint && time, "timestamp");
  const [name, browserName] = HASHES[oid(der(algorithm.value).value)] ?? [];
  need(name === link.algorithm, "timestamp");
  const [, year, month, day, hour, minute, second] = time.map(Number);
  return { token, browserName, imprint: imprint.value, at: Date.UTC(year, month - 1, day, hour, minute, second) / 1000 };
}

/** The stamps of a receipt, each held against what it must have stamped. Raises Damaged. */
async function readStamps(timestamp, text) {
  need(Array.isArray(timestamp.chain ?? []), "timestamp");
  const [stamps, tokens] = [[], []];
  for (const link of [timestamp, ...(timestamp.chain ?? [])]) {
    const stamp = readStamp(link);
    const measured = (part) => [bigEndian64(part.length), part];
    const stamped = tokens.length ? join(utf8(RENEWAL), ...[utf8(text), ...tokens].flatMap(measured)) : utf8(text);
    if (stamp.browserName) {
      const digest = new Uint8Array(await crypto.subtle.digest(stamp.browserName, stamped));
      need(equal(digest, stamp.imprint), "timestamp");
    }
    stamps.push(stamp);
    tokens.push(stamp.token);
  }
  return stamps;
}

// --- The receipt ---

/** JSON in which no name stands twice in one object: readers disagree on which of the two counts. */
function json(text, part) {
  wellFormed(text, part);
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Damaged(part);
  }
  const strings = text.match(/"[^"\\]*(?:\\.[^"\\]*)*"\s*:?/g) ?? [];
  let names;
  try {
    names = namesIn(value);
  } catch {
    throw new Damaged(part); // nested too deep
  }
  need(strings.filter((string) => string.endsWith(":")).length === names, part);
  return value;
}

function namesIn(value) {
  if (typeof value !== "object" || value === null) return 0;
  const inner = Object.values(value);
  return inner.reduce((names, member) => names + namesIn(member), Array.isArray(value) ? 0 : inner.length);
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isDigest = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

/** Everything in it in the form that it must have; nothing is checked yet. Raises Damaged. */
function readReceipt(text) {
  const given = json(text, "receipt");
  need(given.format === RECEIPT, "format");
  need(MEMBERS.every((member) => Object.hasOwn(given, member)), "members");
  wellFormed(given.origin, "origin");
  need(isObject(given.entry), "entry");
  const salt = unhex(given.entry.salt, 16, "entry");
  const entry = json(given.entry.body, "entry");
  need(isObject(entry) && entry.format === "registry-entry/1", "entry");
  need(entry.version === null || isDigest(entry.version), "entry");
  const evidence = given.evidence ?? [];
  need(Array.isArray(evidence), "evidence");
  for (const file of evidence) {
    need(isObject(file) && typeof file.name === "string" && isDigest(file.sha256), "evidence");
    need(Number.isSafeInteger(file.size_bytes) && file.size_bytes >= 0, "evidence");
  }
  const version = given.version && { text: given.version.manifest, manifest: json(given.version.manifest, "version") };
  need(!version || isObject(version.manifest.sections), "version");
  need(version || entry.version === null, "version");
  const section = given.evidence_section && {
    text: given.evidence_section.text,
    said: json(given.evidence_section.text, "evidence_section"),
    salt: unhex(given.evidence_section.salt, 16, "evidence_section"),
  };
  need(!section || Array.isArray(section.said), "evidence_section");
  need(Array.isArray(given.vkeys), "vkeys");
  return {
    origin: given.origin,
    leaf: leafHash(salt, given.entry.body),
    entry,
    version,
    evidence,
    section,
    promise: readPromise(given.promise),
    proof: given.proof === null ? null : readProof(given.proof),
    keys: given.vkeys.map((vkey) => verifierKey(vkey, "vkeys")),
    timestamp: given.timestamp,
    unknown: Object.keys(given).filter((member) => !MEMBERS.includes(member)),
  };
}

/** Every check of the receipt that is this text, in order, each {code, state: "yes" | "no" | "open", ...what its sentence names}; and the verdict.

    `trusted` are keys from elsewhere: those in the receipt only tell an altered receipt from a foreign one.
    `paper` is the leaf hash from the code on a printed receipt, `copy` what the claimant downloaded of the claim;
    `files` are {name, sha256, size} of evidence. All of them may be absent. */
async function check(text, { trusted, paper, copy, files, now }) {
  const checks = [];
  const add = (code, state, more = {}) => checks.push({ code, state, ...more });
  let receipt;
  try {
    receipt = readReceipt(text);
  } catch (damage) {
    if (!(damage instanceof Damaged)) throw damage;
    add("parts", "no", { part: damage.part });
    return { verdict: "altered", checks };
  }
  add("parts", "yes");
  const { leaf, proof, promise, origin, entry } = receipt;
  const checkpoint = proof?.checkpoint;
  if (promise.origin !== origin || (checkpoint && checkpoint.origin !== origin)) add("origin", "no");

  let foreign = false;
  if (proof) {
    const where = { index: proof.index, size: checkpoint.size };
    add("logged", stands(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root) ? "yes" : "no", where);
    foreign = await checkLog(receipt, trusted, add);
    await checkWitnesses(receipt, trusted, add);
  } else {
    add("logged", "open");
  }
  foreign = (await checkPromise(receipt, trusted, add)) || foreign;
  if (!proof && now > Number(promise.by)) add("overdue", "open", { time: Number(promise.by) });
  checkVersion(receipt, add);
  checkEvidence(receipt, add);
  await checkStamps(receipt, add);
  if (receipt.unknown.length) add("unknown", "open", { names: receipt.unknown });
  const isAltered = checks.some(({ state }) => state === "no");

  const brought = [];
  if (paper) brought.push({ code: "paper", state: hex(leaf) === paper ? "yes" : "no" });
  if (copy) checkCopy(receipt, copy, (code, state, more = {}) => brought.push({ code, state, ...more }));
  const isListed = checks.some(({ code, state }) => code === "evidence" && state === "yes");
  const isListProven = isListed && !isAltered && !foreign;
  checkFiles(receipt, files, isListProven, (code, state, more = {}) => brought.push({ code, state, ...more }));

  let verdict = proof ? "proven" : now > Number(promise.by) ? "overdue" : "waiting";
  if (isAltered) verdict = "altered";
  else if (foreign) verdict = "foreign";
  const isMisfit = brought.some(({ state }) => state === "no");
  return { verdict, isMisfit, checks: [...checks, ...brought], receipt, entry };
}

/** True if the receipt agrees with itself, but under keys that nobody vouches for. */
async function checkLog({ proof, origin, keys }, trusted, add) {
  const { good, bad } = await signedBy(proof.checkpoint, trusted, LOG, origin);
  if (good.length || bad.length) {
    add("signed", bad.length ? "no" : "yes", { name: origin });
    return false;
  }
  const own = await signedBy(proof.checkpoint, keys, LOG, origin);
  const isForeign = own.good.length > 0 && !own.bad.length;
  add(isForeign ? "foreign" : "signed", isForeign ? "open" : "no", { name: origin });
  return isForeign;
}

async function checkWitnesses({ proof, origin, keys }, trusted, add) {
  const { good, bad } = await signedBy(proof.checkpoint, trusted, WITNESS);
  for (const { key, at } of good) add("witness", "yes", { name: key.name, time: at });
  for (const { key } of bad) add("witness", "no", { name: key.name });
  const others = proof.checkpoint.lines.filter(({ id, name }) => name !== origin && !trusted.some((k) => k.id === id));
  for (const line of others) {
    const own = await signedBy({ text: proof.checkpoint.text, lines: [line] }, keys, WITNESS);
    add("witness", own.bad.length ? "no" : "open", { name: line.name });
  }
  if (!good.length && !bad.length && !others.length) add("no_witness", "open");
}

async function checkPromise({ promise, proof, leaf, origin, keys }, trusted, add) {
  const name = `${origin}/promises`;
  const time = Number(promise.by);
  const { good, bad } = await signedBy(promise, trusted, LOG, name);
  const isAbout = equal(promise.leaf, leaf);
  if (good.length || bad.length) {
    add("promise", good.length && !bad.length && isAbout ? "yes" : "no", { time });
    return false;
  }
  const own = await signedBy(promise, keys, LOG, name);
  const isForeign = own.good.length > 0 && !own.bad.length && isAbout;
  add("promise", isForeign ? "open" : "no", { time });
  return isForeign && !proof;
}

function checkVersion({ entry, version }, add) {
  if (!version) return;
  const isNamed = hex(sha256(utf8(version.text))) === entry.version && version.manifest.claim === entry.claim;
  add("version", isNamed ? "yes" : "no");
}

function checkEvidence({ version, evidence, section }, add) {
  const count = evidence.length;
  if (!section) {
    if (count) add("evidence", "no", { count });
    else if (version) add("evidence", "open");
    return;
  }
  const isProven =
    version?.manifest.sections.evidence === hex(sha256(section.salt, utf8(section.text))) &&
    section.said.length === count &&
    evidence.every((file, at) => ["name", "sha256", "size_bytes"].every((fact) => file[fact] === section.said[at]?.[fact]));
  add("evidence", isProven ? "yes" : "no", { count });
}

async function checkStamps({ timestamp, proof }, add) {
  if (timestamp === null) return;
  try {
    need(isObject(timestamp) && proof, "timestamp");
    const stamps = await readStamps(timestamp, proof.checkpoint.text);
    add("stamp", "open", { time: stamps[0].at });
  } catch (damage) {
    if (!(damage instanceof Damaged)) throw damage;
    add("stamp", "no");
  }
}

/** What the claimant downloaded of the claim: every section against the digests of the version. */
function checkCopy({ entry }, copy, add) {
  let digests;
  try {
    const text = wellFormed(copy.manifest, "copy");
    const digest = hex(sha256(utf8(text)));
    if (digest !== copy.digest || digest !== entry.version) return add("copy", "no");
    digests = json(text, "copy").sections;
    need(isObject(digests) && isObject(copy.sections), "copy");
  } catch (damage) {
    if (!(damage instanceof Damaged)) throw damage;
    return add("copy", "no");
  }
  const fits = ([name, section]) => {
    try {
      return digests[name] === hex(sha256(unhex(section.salt, 16, "copy"), utf8(wellFormed(section.text, "copy"))));
    } catch {
      return false;
    }
  };
  const wrong = Object.entries(copy.sections).filter((section) => !fits(section));
  for (const [name] of wrong) add("section", "no", { section: name });
  if (!wrong.length) add("copy", "yes", { count: Object.keys(copy.sections).length });
  const absent = Object.keys(digests).filter((name) => !Object.hasOwn(copy.sections, name));
  for (const name of absent) add("section", "open", { section: name });
}

function checkFiles({ evidence }, files, isListProven, add) {
  for (const file of files) {
    const known = evidence.find(({ sha256: digest, size_bytes: size }) => digest === file.sha256 && size === file.size);
    add("file", !known ? "no" : isListProven ? "yes" : "open", { file: file.name, name: known?.name });
  }
  const left = evidence.filter(({ sha256: digest }) => !files.some((file) => file.sha256 === digest));
  if (left.length) add("files_left", "open", { names: left.map(({ name }) => name) });
}
