"""Every sentence that the script of the page can say, by its code. {names} in braces are filled in there."""

from typing import Any

from django.utils.translation import gettext as _

from claims.wording import SECTIONS


def words() -> dict[str, Any]:
    return {
        **_verdicts(),
        **_proofs(),
        **_checks(),
        **_parts(),
        **_told(),
        "kinds": _kinds(),
        "sections": {name: str(title) for name, title in SECTIONS.items()},
    }


def _verdicts() -> dict[str, str]:
    return {
        "proven": _("Proven: this entry stands in the register’s log exactly as the receipt says."),
        "altered": _("Altered: this receipt is not as the register gave it out."),
        "altered_next": _(
            "Do not rely on it. Download the receipt again from the claim’s page, or ask whoever gave it "
            "to you for the file as they received it."
        ),
        "foreign": _("Not from this register: the receipt agrees with itself, but other keys signed it."),
        "foreign_next": _(
            "It may come from another register, or somebody may have made it up: anybody can make keys. If "
            "you saved this page long ago, open the newest one at {address}, because our keys change in "
            "time. If you have the keys from a source that you trust, enter them above."
        ),
        "waiting": _(
            "We cannot tell yet: the register has promised to enter this in its log by {time}, and this "
            "receipt was made before it did."
        ),
        "waiting_next": _(
            "Download a new receipt from the claim’s page after that time, and check that one."
        ),
        "overdue": _(
            "We cannot tell: the register promised to enter this in its log by {time}, and this receipt "
            "does not show that it did."
        ),
        "overdue_next": _(
            "Download a new receipt from the claim’s page. If that one does not show the entry in the log "
            "either, the register has broken its promise: keep this file, which is signed evidence of it. "
            "The time is judged by the clock of your device."
        ),
        "misfit_proven": _("The receipt is genuine, but not everything that you brought fits it."),
        "misfit_other": _("Not everything that you brought fits this receipt."),
        "failed": _("We cannot tell: this page failed while it checked the receipt."),
        "failed_next": _(
            "That proves nothing and refutes nothing. Open the newest page at {address} in another browser, "
            "or check the receipt with another program."
        ),
        "nothing": _("There is no receipt among these files."),
        "nothing_next": _(
            "Choose the receipt itself: the file that ends in .json, or the PDF as you downloaded it. A "
            "file that was opened and saved again by another program may be damaged."
        ),
        "proof_alone": _(
            "{file} is only the proof part of a receipt. Without the entry that it proves, it shows "
            "nothing. Choose the whole receipt, which ends in .json."
        ),
        "printed": _(
            "We checked the receipt inside the PDF. What is printed on its pages was not checked: only "
            "what is shown here counts."
        ),
        "replaced": _("{file} took the place of the one that you chose before."),
        "unreadable": _("Your browser could not read {file}. Choose it again."),
        "reading": _("Reading {file}: {percent} %"),
    }


def _proofs() -> dict[str, str]:
    return {
        "proven_title": _("What is proven"),
        "proven_logged": _(
            "The entry shown below is part of the register’s log, which the register signed when it had "
            "{size} entries. It cannot be changed or taken out without breaking that signature."
        ),
        "proven_witnessed": _(
            "It was there at {time} at the latest: outside witnesses countersigned the log then."
        ),
        "proven_promised": _(
            "The register received this entry, and promised in writing to have it in its log by {time}."
        ),
        "proven_version": _(
            "Exactly one content of the claim belongs to this entry. Any copy of it can be held against it."
        ),
        "proven_evidence": _("Exactly the listed files of evidence belong to it."),
        "proven_copy": _("Your copy of the claim is what was filed, to the letter."),
        "proven_files": _("These files are exactly those that were received: {names}"),
        "unproven_title": _("What is not proven"),
        "unproven_truth": _("That what was said is true. The register keeps what was said."),
        "unproven_who": _("Who filed it, and who holds this receipt: there is no name in it."),
        "unproven_since": _(
            "How the claim stands today. It may have been changed, withdrawn or decided since."
        ),
        "unproven_hour": _(
            "The exact time of the act: it is told by the register’s own clock. The witnesses’ time is by "
            "their clocks."
        ),
        "unproven_alone": _(
            "That the time is right, and that everybody is shown the same log: nobody outside the register "
            "whose key is known here has countersigned."
        ),
        "unproven_keys": _(
            "That the keys in this page are the register’s. If somebody else gave you the page, compare "
            "the keys with those published elsewhere."
        ),
        "unproven_your_keys": _("That the keys that you entered are the register’s. You vouch for them."),
    }


def _checks() -> dict[str, str]:
    return {
        "checks_title": _("Each check"),
        "yes": _("Yes"),
        "no": _("No"),
        "open": _("Not shown"),
        "parts_yes": _("The receipt has every part that it must have."),
        "parts_no": _("The receipt is whole. What is missing or damaged: {part}."),
        "origin_no": _("All parts of the receipt name the same log."),
        "logged_yes": _(
            "The entry, recomputed, stands in the log as number {index} of {size}, counted from 0."
        ),
        "logged_no": _(
            "The entry, recomputed, stands in the log as number {index} of {size}, counted from 0."
        ),
        "logged_open": _("The entry stands in the log: the receipt does not show it yet."),
        "signed_yes": _("The register signed the log in which it stands ({name})."),
        "signed_no": _("The register signed the log in which it stands ({name})."),
        "foreign_open": _("The log is signed in the name of {name}, but by a key that is not known here."),
        "witness_yes": _("An outside witness, {name}, countersigned the log on {time}."),
        "witness_no": _("The countersignature of the outside witness {name} fits."),
        "witness_open": _("A countersignature by {name}, whose key is not known here, was not counted."),
        "no_witness_open": _("There is no countersignature of an outside witness."),
        "promise_yes": _("The register promised to have the entry in its log by {time}."),
        "promise_no": _("The register’s promise fits the entry and its signature."),
        "promise_open": _("The promise to enter it by {time} is signed by a key that is not known here."),
        "overdue_open": _(
            "The promised time, {time}, is over, and the receipt does not show the entry in the log."
        ),
        "version_yes": _("The list of the claim’s sections is the one that the entry stands for."),
        "version_no": _("The list of the claim’s sections is the one that the entry stands for."),
        "evidence_yes": _("The list of evidence is the one that the entry stands for. Files: {count}"),
        "evidence_no": _("The list of evidence is the one that the entry stands for."),
        "evidence_open": _(
            "The list of evidence: it is not in this receipt. It was left out, or erased by law."
        ),
        "stamp_open": _(
            "A time authority outside the register stamped the log at {time}, by its own clock. This page "
            "does not check who that authority is: see “Check it with other tools”."
        ),
        "stamp_no": _("The stamp of the outside time authority belongs to this log."),
        "unknown_open": _("Parts of the receipt that this page does not know and did not check: {names}"),
        "paper_yes": _("This is the receipt whose code you scanned."),
        "paper_no": _("This is the receipt whose code you scanned."),
        "copy_yes": _("Your copy of the claim is what the entry stands for. Sections checked: {count}"),
        "copy_no": _("Your copy of the claim is what this entry stands for, and not another version of it."),
        "section_no": _("A section of your copy is as it was filed: {section}"),
        "section_open": _("A section is not in your copy. It was left out, or erased by law: {section}"),
        "file_yes": _("The file {file} is exactly as received. In the receipt: {name}"),
        "file_no": _("The file {file} is one of those in the receipt, unchanged."),
        "file_open": _("The file {file} has a digest that the receipt names, but nothing proves that list."),
        "files_left_open": _("Evidence in the receipt that you did not bring here: {names}"),
    }


def _parts() -> dict[str, str]:
    return {
        "part_receipt": _("the whole file"),
        "part_format": _("its format (this page may be older than the receipt)"),
        "part_members": _("one of its parts is missing"),
        "part_origin": _("the name of the log"),
        "part_entry": _("the entry"),
        "part_version": _("the list of sections"),
        "part_evidence": _("the list of evidence"),
        "part_evidence_section": _("what proves the list of evidence"),
        "part_promise": _("the promise"),
        "part_proof": _("the proof"),
        "part_checkpoint": _("the signed state of the log"),
        "part_vkeys": _("the keys"),
    }


def _told() -> dict[str, str]:
    return {
        "says_title": _("What the receipt says"),
        "says": _("In the words of the register."),
        "says_unproven": _("None of this is proven. It stands here so that you can compare it."),
        "told_what": _("What happened"),
        "told_at": _("When, by the register’s clock"),
        "told_number": _("Claim number"),
        "told_file": _("Evidence"),
        "bytes": _("{size} bytes"),
        "technical": _("Technical details"),
        "technical_origin": _("Log"),
        "technical_leaf": _("Leaf hash of the entry"),
        "technical_index": _("Index and size"),
        "technical_root": _("Root of the tree"),
        "technical_signature": _("Signature in the receipt, by name and key id"),
        "technical_version": _("Digest of the claim version"),
        "technical_key": _("Key named in the receipt, trusted only if it is known from elsewhere"),
        "technical_ed25519": _("Who checked the signatures"),
        "technical_by_browser": _("Your browser’s own Ed25519"),
        "technical_by_page": _("The Ed25519 in this page: your browser has none"),
    }


def _kinds() -> dict[str, str]:
    return {
        "claim.submitted": _("A claim was submitted"),
        "claim.amended": _("A claim was changed"),
        "claim.withdrawn": _("A claim was withdrawn"),
        "claim.consents_changed": _("Consents were changed"),
        "claim.review_started": _("The review of a claim began"),
        "claim.review_finished": _("The review of a claim was finished"),
        "claim.returned": _("A claim went back to the reviewers"),
        "claim.fixing_requested": _("Readable copies of files were asked for"),
        "claim.information_requested": _("More information was asked for"),
        "claim.information_answered": _("A question was answered"),
        "claim.request_closed": _("A question was closed"),
        "claim.decided": _("The Board decided on a claim"),
        "claim.reopened": _("A decision was reopened"),
        "claim.erased": _("A part of a claim was erased by law"),
    }
