"""DELETE on studies, series and instances: no transaction of PS3.18 chapter 10, but RFC 9110 9.3.5 on its resources."""

from starlette.requests import Request
from starlette.responses import Response

from dicomweb import targets
from dicomweb.problems import PRIVATE
from storage.deletion import Deletion, Target
from storage.scope import StudyScope


class Removal:
    """Deletes what a request names. The method blocks and is called in a thread."""

    def __init__(self, deletion: Deletion) -> None:
        self._deletion = deletion

    def delete(self, request: Request, scope: StudyScope) -> Response:
        """204 when it is gone; 404 for what is not there or not the caller's, 410 for what was deleted before."""
        named = targets.Target.of(request)
        self._deletion.delete(scope, Target(named.study, named.series, named.instance), source="DICOMweb")
        return Response(status_code=204, headers=PRIVATE)
