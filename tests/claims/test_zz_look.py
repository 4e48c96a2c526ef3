import pytest, time
from django.utils import translation
from claims import paper, receipts, story
from ledger import notes
from ledger.models import Checkpoint
from tests import make
from tests.claims.test_receipts import stamp, witnessed
pytestmark = pytest.mark.django_db

def test_look(settings):
    settings.SITE_URL = "https://claims.example.org"
    from babel.messages.pofile import read_po
    from django.utils.translation import trans_real
    with open("/tmp/i6/po/receipts.po", "rb") as f:
        po = read_po(f)
    cat = trans_real.translation("uk")._catalog
    for m in po:
        if m.id:
            cat[m.id] = m.string if hasattr(cat, "__setitem__") else None
    claim = make.draft(answers={**make.REQUIRED["individual"]})
    for i, n in enumerate(["договір купівлі-продажу.pdf", "IMG_20220307_141502.jpg", "家.pdf"]):
        make.evidence(claim, b"%PDF-1.7 " + str(i).encode(), name=n)
    make.submit(claim)
    claim = make.fresh(claim)
    make.sealing.seal()
    def put(name):
        e = receipts.acts(claim)[0]
        for lang in ("en", "uk"):
            with translation.override(lang):
                for _ in range(3):
                    t = time.time()
                    data = paper.pdf(claim, e, story.sentence(e))
                    print(name, lang, time.time() - t, len(data))
                __import__("pathlib").Path(f"/tmp/i6/r/{name}-{lang}.pdf").write_bytes(data)
    put("promised")
    p = make.checkpoint()
    witness = witnessed(settings)
    line = notes.cosign(notes.text_of(p.note), witness, 1_800_000_000)
    p = Checkpoint.objects.create(size=p.size, root=p.root, note=p.note + line)
    stamp(p)
    put("placed")
