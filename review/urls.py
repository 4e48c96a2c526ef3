from django.urls import path

from review.views import batches, board, clearances, desk, queue

app_name = "review"
urlpatterns = [
    path("", queue.queue, name="queue"),
    path("take-oldest/", queue.take_oldest, name="take_oldest"),
    path("claims/<str:number>/", desk.claim, name="claim"),
    path("claims/<str:number>/take/", queue.take, name="take"),
    path("claims/<str:number>/release/", queue.release, name="release"),
    path("claims/<str:number>/files/<uuid:file_id>/", desk.file, name="file"),
    path("claims/<str:number>/checklist/", desk.checklist, name="checklist"),
    path("claims/<str:number>/ask/", desk.ask, name="ask"),
    path("claims/<str:number>/go-on/", desk.go_on, name="go_on"),
    path("claims/<str:number>/propose/", desk.propose, name="propose"),
    path("claims/<str:number>/confirm/", desk.confirm, name="confirm"),
    path("claims/<str:number>/send-back/", desk.send_back, name="send_back"),
    path("claims/<str:number>/return/", desk.return_to_review, name="return"),
    path("batches/", batches.batches, name="batches"),
    path("batches/<uuid:batch_id>/", batches.batch, name="batch"),
    path("batches/<uuid:batch_id>/add/", batches.add, name="batch_add"),
    path("batches/<uuid:batch_id>/take-out/", batches.take_out, name="batch_take_out"),
    path("batches/<uuid:batch_id>/submit/", batches.submit, name="batch_submit"),
    path("board/", board.board, name="board"),
    path("board/reopen/", board.reopen, name="reopen"),
    path("board/<uuid:batch_id>/", board.paper, name="paper"),
    path("board/<uuid:batch_id>/decide/", board.decide, name="decide"),
    path("clearances/", clearances.clearances, name="clearances"),
    path("clearances/withdraw/", clearances.withdraw, name="clearance_withdraw"),
]
