"""The log for everybody: checkpoint, tiles and proofs, which hold hashes and nothing else. And its entries,
for partners, as far as their agreement reaches.

What is public needs no token, sets no cookie, and may be read by a script of any site: whoever checks us does
not do it from our pages. Nothing is told of a tree larger than the newest published checkpoint.
"""

import json
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from ledger import checkpoints, proofs, tree
from partners import changes, scopes
from partners.api.problems import Invalid
from partners.api.serializers import LARGEST_INDEX, MOST, Query, Whole
from partners.api.views import ApiView, AsItIs, PublicView, answer

CHANGES_SOON = "public, max-age=2"
CHANGES_SELDOM = "public, max-age=300"
NEVER_CHANGES = "public, max-age=31536000, immutable"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"


class InclusionQuery(Query):
    index = Whole(min_value=0, max_value=LARGEST_INDEX, help_text="Which entry. The first is 0.")
    size = Whole(
        min_value=1, max_value=LARGEST_INDEX, help_text="In a tree of how many entries: a checkpoint says."
    )


class ConsistencyQuery(Query):
    first = Whole(min_value=1, max_value=LARGEST_INDEX, help_text="The size of the older tree.")
    second = Whole(min_value=1, max_value=LARGEST_INDEX, help_text="The size of the newer tree.")


class EntriesQuery(Query):
    start = Whole(min_value=0, max_value=LARGEST_INDEX, help_text="The index of the first entry.")
    end = Whole(
        min_value=0,
        max_value=LARGEST_INDEX,
        help_text=f"The index of the last entry, which is sent too. At most {MOST} are sent.",
    )


class InclusionProof(serializers.Serializer):
    index = serializers.IntegerField()
    size = serializers.IntegerField()
    leaf_hash = serializers.CharField(help_text="In hex.")
    hashes = serializers.ListField(
        child=serializers.CharField(), help_text="In hex, from the leaf’s sibling up to the root (RFC 6962)."
    )


class ConsistencyProof(serializers.Serializer):
    first = serializers.IntegerField()
    second = serializers.IntegerField()
    hashes = serializers.ListField(
        child=serializers.CharField(), help_text="In hex, in the order of RFC 6962."
    )


class LedgerEntry(serializers.Serializer):
    index = serializers.IntegerField()
    leaf_hash = serializers.CharField(help_text="SHA-256 of a zero byte, the salt and the body, in hex.")
    body = serializers.CharField(
        allow_null=True,
        help_text="The entry, byte for byte as it was hashed. Null where the agreement does not cover it.",
    )
    salt = serializers.CharField(allow_null=True, help_text="In hex.")


class LedgerEntries(serializers.Serializer):
    results = LedgerEntry(many=True, help_text="One for each index from `start` on, without gap.")
    next_start = serializers.IntegerField(
        allow_null=True, help_text="Ask from here for the rest; null if that was all up to `end`."
    )


class LogView(PublicView):
    content_negotiation_class = AsItIs

    def finalize_response(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().finalize_response(*args, **kwargs)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response


class NewestCheckpoint(LogView):
    @extend_schema(
        operation_id="get_checkpoint",
        summary="The newest checkpoint of the log",
        description=(
            "Public: a signed note (C2SP tlog-checkpoint), signed by the log and by its witnesses. Keep it: "
            "with it you can later have proven that nothing of today was changed or taken out."
        ),
        tags=["Ledger"],
        responses={(200, "text/plain"): OpenApiResponse(OpenApiTypes.STR, "The signed note.")},
    )
    def get(self, request: Request) -> HttpResponse:
        newest = checkpoints.newest()
        if newest is None:
            raise Http404
        return plain(newest.note, CHANGES_SOON)


class VerifierKeys(LogView):
    @extend_schema(
        operation_id="get_vkeys",
        summary="The keys by which signatures of the log are checked",
        description=(
            "Public: one verifier key a line (C2SP signed-note): the log’s, those that it had before, the "
            "witnesses’, and the one that signs promises. Get them from somebody else too: whoever could put "
            "another log before you could put other keys here."
        ),
        tags=["Ledger"],
        responses={(200, "text/plain"): OpenApiResponse(OpenApiTypes.STR, "The keys.")},
    )
    def get(self, request: Request) -> HttpResponse:
        return plain("".join(f"{vkey}\n" for vkey in checkpoints.vkeys()), CHANGES_SELDOM)


class OneTile(LogView):
    @extend_schema(
        operation_id="get_tile",
        summary="A tile of the tree",
        description=(
            "Public: up to 256 hashes of 32 bytes (C2SP tlog-tiles), as in `tile/0/x001/x234/067` or, with "
            "the first 112 of them, `tile/0/273.p/112`. A tile never changes. There are no tiles of entries: "
            "those are not public."
        ),
        tags=["Ledger"],
        parameters=[
            OpenApiParameter(
                "tile",
                {"type": "string", "format": "tile"},
                OpenApiParameter.PATH,
                description="Level and number, as in `0/x001/x234/067`.",
            )
        ],
        responses={(200, BYTES): OpenApiResponse(OpenApiTypes.BINARY, "The hashes.")},
    )
    def get(self, request: Request, tile: str) -> HttpResponse:
        try:
            wanted = tree.Tile.parse(f"tile/{tile}")
        except ValueError:
            raise Http404 from None
        hashes_of_its_level = checkpoints.published_size() >> tree.TILE_HEIGHT * wanted.level
        if tree.TILE_WIDTH * wanted.n + wanted.width > hashes_of_its_level:
            raise Http404
        found = proofs.read([wanted])
        if wanted not in found:
            raise Http404
        return HttpResponse(
            found[wanted],
            content_type=BYTES,
            headers={"Cache-Control": NEVER_CHANGES, "Content-Language": "en"},
        )


class Inclusion(LogView):
    query_class = InclusionQuery

    @extend_schema(
        operation_id="prove_inclusion",
        summary="That an entry is in the log",
        description="Public. With the leaf hash of an entry that you hold: that it stands at this index.",
        tags=["Ledger"],
        parameters=[InclusionQuery],
        responses={200: OpenApiResponse(InclusionProof, "The proof. It never changes.")},
    )
    def get(self, request: Request) -> HttpResponse:
        index, size = self.query["index"], self.query["size"]
        check_published("size", size)
        if index >= size:
            raise Invalid(("index", f"A tree of {size} entries has none of index {index}: the first is 0."))
        proof = proofs.inclusion(index, size)
        return lasting(
            {
                "index": index,
                "size": size,
                "leaf_hash": proof.leaf_hash.hex(),
                "hashes": [hash_.hex() for hash_ in proof.hashes],
            }
        )


class Consistency(LogView):
    query_class = ConsistencyQuery

    @extend_schema(
        operation_id="prove_consistency",
        summary="That the log has only grown",
        description="Public. With two checkpoints: that the older tree is the beginning of the newer one.",
        tags=["Ledger"],
        parameters=[ConsistencyQuery],
        responses={200: OpenApiResponse(ConsistencyProof, "The proof. It never changes.")},
    )
    def get(self, request: Request) -> HttpResponse:
        first, second = self.query["first"], self.query["second"]
        check_published("second", second)
        if first > second:
            raise Invalid(("first", f"A tree of {second} entries did not grow out of one of {first}."))
        hashes = [hash_.hex() for hash_ in proofs.consistency(first, second, proofs.read_for_proof)]
        return lasting({"first": first, "second": second, "hashes": hashes})


class Entries(ApiView):
    required_scope = scopes.LEDGER_READ
    query_class = EntriesQuery

    @extend_schema(
        operation_id="list_ledger_entries",
        summary="Entries of the log, byte for byte",
        description=(
            "The open entries that the agreement covers, with their salts, so that you can hash them "
            "yourself. Of all others the leaf hash alone: with it the tree can be computed anew. An entry "
            "that tells of a section which the agreement does not grant is one of the others; `changes` has "
            "what you may know."
        ),
        tags=["Ledger"],
        parameters=[EntriesQuery],
        responses={200: OpenApiResponse(LedgerEntries, "The entries.")},
    )
    def get(self, request: Request) -> HttpResponse:
        start, end = self.query["start"], self.query["end"]
        if end < start:
            raise Invalid(("end", f"The last entry cannot come before the first, {start}."))
        found = changes.records(request.user, start=start, end=min(end, start + MOST - 1))
        last = start + len(found) - 1
        more = len(found) == MOST and last < end
        results = [
            {
                "index": entry.index,
                "leaf_hash": entry.leaf_hash.hex(),
                "body": entry.body,
                "salt": None if entry.salt is None else entry.salt.hex(),
            }
            for entry in found
        ]
        return answer(
            json.dumps({"results": results, "next_start": last + 1 if more else None}, ensure_ascii=False)
        )


def check_published(name: str, size: int) -> None:
    newest = checkpoints.published_size()
    if size > newest:
        raise Invalid((name, f"The newest checkpoint has {newest} entries. Ask for no larger tree."))


def plain(text: str, kept: str) -> HttpResponse:
    return HttpResponse(text, content_type=TEXT, headers={"Cache-Control": kept, "Content-Language": "en"})


def lasting(body: dict[str, Any]) -> HttpResponse:
    return answer(json.dumps(body), **{"Cache-Control": NEVER_CHANGES})
