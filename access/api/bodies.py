"""JSON that clients send. How much it may be is the portal's to say, for all addresses at once."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class PlainJson(JSONParser):
    """Refuses what nests so deep that reading it fails, and what is no text: halves of characters,
    which no answer about them could be written with (400)."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            sent = super().parse(stream, media_type, parser_context)
            json.dumps(sent, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("That nests too deep.") from error
        except UnicodeEncodeError as error:
            raise ParseError("That holds half a character.") from error
        return sent
