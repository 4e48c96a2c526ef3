from django.urls import path, register_converter

from claims import mandates, numbers
from review.views import batches, board, clearances, desk, erasures, figures, queue


class ClaimNumber:
    """A claim's number as typed; what cannot be one is no address."""

    regex = "[^/]+"

    def to_python(self, typed: str) -> str:
        number = numbers.read(typed, prefix=mandates.current().number_prefix)
        if number is None:
            raise ValueError
        return number

    def to_url(self, number: str) -> str:
        return number


register_converter(ClaimNumber, "number")

app_name = "review"
urlpatterns = [
    path("", queue.queue, name="queue"),
    path("take-oldest/", queue.take_oldest, name="take_oldest"),
    path("claims/<number:number>/", desk.claim, name="claim"),
    path("claims/<number:number>/take/", queue.take, name="take"),
    path("claims/<number:number>/release/", queue.release, name="release"),
    path("claims/<number:number>/files/<uuid:file_id>/", desk.file, name="file"),
    path("claims/<number:number>/checklist/", desk.checklist, name="checklist"),
    path("claims/<number:number>/ask/", desk.ask, name="ask"),
    path("claims/<number:number>/go-on/", desk.go_on, name="go_on"),
    path("claims/<number:number>/propose/", desk.propose, name="propose"),
    path("claims/<number:number>/confirm/", desk.confirm, name="confirm"),
    path("claims/<number:number>/send-back/", desk.send_back, name="send_back"),
    path("claims/<number:number>/return/", desk.return_to_review, name="return"),
    path("batches/", batches.batches, name="batches"),
    path("batches/<uuid:batch_id>/", batches.batch, name="batch"),
    path("batches/<uuid:batch_id>/add/", batches.add, name="batch_add"),
    path("batches/<uuid:batch_id>/take-out/", batches.take_out, name="batch_take_out"),
    path("batches/<uuid:batch_id>/submit/", batches.submit, name="batch_submit"),
    path("board/", board.board, name="board"),
    path("board/reopen/", board.reopen, name="reopen"),
    path("board/<uuid:batch_id>/", board.paper, name="paper"),
    path("board/<uuid:batch_id>/decide/", board.decide, name="decide"),
    path("erasures/", erasures.erasures, name="erasures"),
    path("erasures/claims/<number:number>/", erasures.propose, name="erasure_propose"),
    path("erasures/<uuid:erasure_id>/", erasures.erasure, name="erasure"),
    path("erasures/<uuid:erasure_id>/drop/", erasures.drop, name="erasure_drop"),
    path("figures/", figures.page, name="figures"),
    path("clearances/", clearances.clearances, name="clearances"),
    path("clearances/withdraw/", clearances.withdraw, name="clearance_withdraw"),
]
