"""
One place of the connectivity matrix: a server on some TCP and UDP ports that tells each client its address, and a
client that connects where it is told to. Arguments: the path of its own socket, and its ports. On that socket it takes
one JSON object per connection and answers with one:
{call: "probe", attempts: [{protocol, address, port, size, source, greets, patience}]} gives [{end, seen, port}], where
`end` is reached, refused, mute (connected, and nothing came), silent (nothing came at all), from elsewhere (what came
was not from where it was asked), or an errno's name;
{call: "hold", targets: [{name, address, port}]} keeps connections open and says something on each every 100 ms;
{call: "held"} gives [{name, exchanges, failure}].
"""
import errno
import itertools
import json
import os
import random
import socket
import struct
import sys
import threading
import time

PATIENCE = 5.0
PAUSE = 0.1
ECHO, ECHO_REPLY = 8, 0
# A flow that is known is not told of again for a while, so datagrams of every attempt come from a port of their own.
UDP_PORTS = itertools.count(20000)
# Python's module has no name for it yet. Interface, address to answer from, address that was asked.
IP_PKTINFO = 8
IN_PKTINFO = struct.Struct("i4s4s")


def probe_tcp(made, attempt):
    asked = (attempt["address"], attempt["port"])
    made.connect(asked)
    if made.getpeername() != asked:
        raise FromElsewhere()
    if not attempt["greets"]:
        return None
    try:
        return made.makefile().readline().strip()
    except TimeoutError:
        raise Mute()


def probe_udp(made, attempt):
    asked = (attempt["address"], attempt["port"])
    made.connect(asked)
    made.send(b"?" * attempt["size"])
    seen = made.recv(64).decode()
    # The same by a socket that is not connected, as resolvers have them.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loose:
        loose.settimeout(attempt["patience"])
        loose.bind((attempt["source"] or "", next(UDP_PORTS)))
        loose.sendto(b"?", asked)
        if loose.recvfrom(64)[1] != asked:
            raise FromElsewhere()
    return seen


def probe_icmp(made, attempt):
    identifier = random.randrange(1 << 16)
    asked = struct.pack("!BBHHH", ECHO, 0, 0, identifier, 1)
    total = sum(struct.unpack("!4H", asked))
    total = (total & 0xFFFF) + (total >> 16)
    made.sendto(asked[:2] + struct.pack("!H", ~total & 0xFFFF) + asked[4:], (attempt["address"], 0))
    deadline = time.monotonic() + attempt["patience"]
    while True:
        made.settimeout(max(0.001, deadline - time.monotonic()))
        packet = made.recv(1500)
        answer = packet[(packet[0] & 15) * 4 :]
        if answer[0] == ECHO_REPLY and struct.unpack("!H", answer[4:6])[0] == identifier:
            return None


PROTOCOLS = {
    "TCP": (socket.SOCK_STREAM, 0, probe_tcp),
    "UDP": (socket.SOCK_DGRAM, 0, probe_udp),
    "ICMP": (socket.SOCK_RAW, socket.IPPROTO_ICMP, probe_icmp),
}


class Mute(Exception):
    pass


class FromElsewhere(Exception):
    pass


def probe(attempt):
    kind, number, program = PROTOCOLS[attempt["protocol"]]
    found = {"end": "reached", "seen": None, "port": 0}
    with socket.socket(socket.AF_INET, kind, number) as made:
        made.settimeout(attempt["patience"])
        # The port is known before the attempt, which may end without one.
        made.bind((attempt["source"] or "", next(UDP_PORTS) if attempt["protocol"] == "UDP" else 0))
        if attempt["protocol"] != "ICMP":
            found["port"] = made.getsockname()[1]
        try:
            found["seen"] = program(made, attempt)
        except Mute:
            found["end"] = "mute"
        except FromElsewhere:
            found["end"] = "from elsewhere"
        except TimeoutError:
            found["end"] = "silent"
        except ConnectionRefusedError:
            found["end"] = "refused"
        except OSError as failure:
            found["end"] = errno.errorcode.get(failure.errno, str(failure))
    return found


def do_probe(attempts):
    found = [None] * len(attempts)

    def run(index):
        found[index] = probe(attempts[index])

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(attempts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


held = []


def hold(target, state):
    try:
        with socket.create_connection((target["address"], target["port"]), PATIENCE) as made:
            lines = made.makefile()
            lines.readline()
            while True:
                made.sendall(b"still here\n")
                if lines.readline() != "still here\n":
                    raise OSError("the connection has ended")
                state["exchanges"] += 1
                time.sleep(PAUSE)
    except OSError as failure:
        state["failure"] = f"{type(failure).__name__}: {failure}"


def do_hold(targets):
    for target in targets:
        state = {"name": target["name"], "exchanges": 0, "failure": None}
        held.append(state)
        threading.Thread(target=hold, args=(target, state), daemon=True).start()


def do_held():
    return held


def bind_tcp(port):
    return socket.create_server(("", port), backlog=128)


def bind_udp(port):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    server.bind(("", port))
    return server


def serve_tcp(server):
    def answer(accepted, peer):
        try:
            with accepted:
                accepted.sendall(f"{peer[0]}\n".encode())
                while said := accepted.recv(4096):
                    accepted.sendall(said)
        except OSError:
            pass

    while True:
        threading.Thread(target=answer, args=server.accept(), daemon=True).start()


def serve_udp(server):
    while True:
        try:
            _, told, _, peer = server.recvmsg(65536, socket.CMSG_SPACE(IN_PKTINFO.size))
            # From the address that was asked, where the host has several.
            asked = IN_PKTINFO.pack(0, IN_PKTINFO.unpack(told[0][2])[2], bytes(4))
            server.sendmsg([peer[0].encode()], [(socket.IPPROTO_IP, IP_PKTINFO, asked)], 0, peer)
        except OSError:
            # An answer that was refused is told of here.
            pass


def take_orders(path):
    calls = {"probe": do_probe, "hold": do_hold, "held": do_held}

    def answer(accepted):
        with accepted:
            order = json.loads(accepted.makefile().readline())
            accepted.sendall(json.dumps(calls[order.pop("call")](**order)).encode())

    if os.path.exists(path):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(16)
        while True:
            threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()


# All are bound before any order is taken: who answers one listens at every port.
for listening in sys.argv[2:]:
    for bind, serve in ((bind_tcp, serve_tcp), (bind_udp, serve_udp)):
        threading.Thread(target=serve, args=(bind(int(listening)),), daemon=True).start()
take_orders(sys.argv[1])
