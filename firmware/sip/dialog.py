"""Dialogs (RFC 3261 section 12): what two user agents remember of each other, and requests inside one."""

from . import header, uri
from .message import Message, MessageError


class Dialog:
    """One dialog. local, remote: From and To values with their tags. target: the peer's Contact URI.

    routes: Route values in the order in which a request takes them. Raises ValueError when no request
    could follow target and routes, so that `request` never does.
    """

    def __init__(self, call_id, local, remote, target, routes, local_cseq, remote_cseq):
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.local_tag = header.tag(local)
        self.remote_tag = header.tag(remote)
        self.target = target
        self.routes = routes
        self.local_cseq = local_cseq
        self.remote_cseq = remote_cseq
        self._first()

    def request(self, method, cseq=0):
        """(Message, hop) of a new request inside the dialog (section 12.2.1.1).

        cseq: the number to use, for an ACK; otherwise the next one.
        """
        if not cseq:
            self.local_cseq += 1
            cseq = self.local_cseq
        target, routes, first = self.target, self.routes, self._first()
        if routes and "lr" not in first.params:  # a strict router takes the request-URI's place
            target, routes = str(first), routes[1:] + ["<%s>" % target]
        message = Message(method, target)
        for value in routes:
            message.add("Route", value)
        message.add("Max-Forwards", 70).add("From", self.local).add("To", self.remote)
        message.add("Call-ID", self.call_id).add("CSeq", "%d %s" % (cseq, method))
        return message, first.hop()

    def retarget(self, request):
        """Follow the Contact of a re-INVITE (section 12.2.2). Raises ValueError when it leads nowhere."""
        if request.get("Contact"):
            before = self.target
            self.target = request.address("Contact").uri
            try:
                self._first()
            except ValueError:
                self.target = before
                raise

    def matches(self, call_id, local_tag, remote_tag):
        """Whether these identify the dialog (section 12.2.2)."""
        return (self.call_id, self.local_tag, self.remote_tag) == (call_id, local_tag, remote_tag)

    def _first(self):
        """The Uri that a request goes to first: that of the first route, or the target."""
        first = uri.parse(header.address(self.routes[0]).uri if self.routes else self.target)
        if not first.is_sip():
            raise MessageError(416, "Not a SIP URI")
        return first


def of_caller(request, response, hop):
    """The Dialog that a response gives to the caller (section 12.1.2), whose request went to `hop`."""
    sides = (response.get("Call-ID"), response.get("From"), response.get("To"))
    cseq = request.cseq()[0]
    try:
        routes = response.values("Record-Route")
        routes.reverse()
        return Dialog(*sides, response.address("Contact").uri, routes, cseq, 0)
    except ValueError:
        # An answer that leads nowhere is acknowledged and ended all the same: where the request went.
        route = "<sip:%s:%d;transport=%s;lr>" % (hop[1], hop[2], hop[0].lower())
        return Dialog(*sides, request.uri, [route], cseq, 0)


def of_callee(request, local_tag):
    """The Dialog that our response with `local_tag` to `request` gives to us (section 12.1.1).

    Who omits the Contact that the section demands is called at the From. Raises ValueError when
    Contact or Record-Route lead nowhere.
    """
    local = "%s;tag=%s" % (request.get("To"), local_tag)
    remote = request.get("From")
    target = request.address("Contact" if request.get("Contact") else "From").uri
    routes = request.values("Record-Route")
    return Dialog(request.get("Call-ID"), local, remote, target, routes, 0, request.cseq()[0])
