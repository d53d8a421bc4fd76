"""SIP: the user agent of a door, and the registrar and proxy core of a small server.

Sans-I/O: datagrams and the time come in as arguments, datagrams and events come out of
queues. Nothing here opens a socket, reads a clock or knows a pin. From the bottom up:

    uri header message digest     what stands in a message      (RFC 3261 7, 19, 20; 8760)
    timers                        deadlines on a clock that is handed in
    transaction endpoint          one request and its responses (RFC 3261 17, 18; 6026)
    request dialog                what a user agent builds on a transaction (8, 12, 22)
    registration call agent       the user agent                (RFC 3261 10, 13, 14, 15)
    sdp                           offer and answer              (RFC 3264, 8866)
    registrar proxy               the server's side             (RFC 3261 10.3, 16)
"""
