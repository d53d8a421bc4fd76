"""Voice: packets and samples in and out, time counted in ticks of 20 ms. Opens no socket, reads no
clock.

session.py          one audio stream, both directions, one tick: start reading here
rtp.py              the RTP header, and the sequence numbers of the source we hear (RFC 3550)
jitter.py           what has arrived and not been played yet
concealment.py      what the speaker plays where nothing arrived
telephone_event.py  digits as RFC 4733 events, received and sent
g711.py             A-law and mu-law (ITU-T G.711)
pointers.py         ptr8 and ptr16 for interpreters without the viper emitter
"""
