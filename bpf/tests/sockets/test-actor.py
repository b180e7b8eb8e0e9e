"""
A program in a pod that makes the socket calls that tests ask for, one JSON object per line: {id, call, ...}. Each call has
a thread of its own, so that one may block while others go on; the answer is {id, value} or {id, error: <errno's name>}.
"""
import errno
import fcntl
import json
import os
import select
import socket
import struct
import sys
import termios
import threading
import time
import zlib

sockets = {}
pollers = {}
lock = threading.Lock()
# With a timeout, Python's sockets do not block: it waits for them with poll(). None makes one that does, 0 one that never waits.
PATIENCE = 60.0
PATTERN = bytes((i * 31 + (i >> 8) * 7 + (i >> 16)) & 255 for i in range(1 << 20))


def keep(made):
    with lock:
        sockets[made.fileno()] = made
    return made.fileno()


def text(data):
    return data.decode("latin1")


def where(address):
    return {"address": address[0], "port": address[1]}


def name_of(failure):
    return errno.errorcode.get(failure.errno, type(failure).__name__)


def constant(name):
    return getattr(socket, name) if isinstance(name, str) else name


def flags_of(names):
    flags = 0
    for name in names:
        flags |= constant(name)
    return flags


def do_socket(family, type, protocol=0, timeout=PATIENCE):
    made = socket.socket(constant(family), constant(type), protocol)
    made.settimeout(timeout)
    return keep(made)


def do_bind(fd, address, port):
    sockets[fd].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sockets[fd].bind((address, port))


def do_listen(fd, backlog=1024):
    sockets[fd].listen(backlog)


def do_accept(fd):
    accepted, peer = sockets[fd].accept()
    accepted.settimeout(sockets[fd].gettimeout())
    return {"fd": keep(accepted), **where(peer)}


def do_connect(fd, address, port):
    began = time.monotonic()
    failure = None
    try:
        sockets[fd].connect((address, port))
    except OSError as caught:
        failure = name_of(caught)
    return {"error": failure, "seconds": time.monotonic() - began}


def do_fast_open(address, port, data):
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.settimeout(PATIENCE)
    try:
        made.sendto(data.encode("latin1"), socket.MSG_FASTOPEN, (address, port))
    except BlockingIOError:
        # Without a cookie only the handshake has begun.
        select.select([], [made], [])
        made.sendall(data.encode("latin1"))
    return keep(made)


def do_sysctl(name, value):
    with open(f"/proc/sys/{name}", "w") as file:
        file.write(str(value))


def do_send(fd, data, flags=()):
    return sockets[fd].send(data.encode("latin1"), flags_of(flags))


def do_sendall(fd, data):
    sockets[fd].sendall(data.encode("latin1"))


def do_writev(fd, parts):
    return os.writev(fd, [part.encode("latin1") for part in parts])


def do_recv(fd, size, flags=()):
    return text(sockets[fd].recv(size, flags_of(flags)))


def do_recv_exactly(fd, size):
    data = b""
    while len(data) < size:
        more = sockets[fd].recv(size - len(data))
        if not more:
            break
        data += more
    return text(data)


def do_sendto(fd, data, address, port):
    return sockets[fd].sendto(data.encode("latin1"), (address, port))


def do_recvfrom(fd, size=65536):
    data, peer = sockets[fd].recvfrom(size)
    return {"data": text(data), **where(peer)}


def do_getpeername(fd):
    return where(sockets[fd].getpeername())


def do_getsockname(fd):
    return where(sockets[fd].getsockname())


def do_shutdown(fd, how):
    sockets[fd].shutdown(constant(how))


def do_close(fd):
    with lock:
        closing = sockets.pop(fd)
    closing.close()


def do_setsockopt(fd, level, name, value):
    if isinstance(value, list):
        value = struct.pack("l" * len(value), *value)
    sockets[fd].setsockopt(constant(level), constant(name), value)


def do_getsockopt(fd, level, name):
    return sockets[fd].getsockopt(constant(level), constant(name))


def do_set_timeout(fd, timeout):
    sockets[fd].settimeout(timeout)


def do_unread(fd):
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"))[0]


def do_poll(fd, events, timeout_ms):
    poller = select.poll()
    mask = 0
    for name in events:
        mask |= getattr(select, name)
    poller.register(fd, mask)
    found = dict(poller.poll(timeout_ms)).get(fd, 0)
    return [n for n in ("POLLIN", "POLLOUT", "POLLRDHUP", "POLLHUP", "POLLERR", "POLLPRI") if found & getattr(select, n)]


def do_epoll(fd):
    """A poller for what becomes readable, once for each change."""
    poller = select.epoll()
    poller.register(fd, select.EPOLLIN | select.EPOLLET)
    with lock:
        pollers[poller.fileno()] = poller
    return poller.fileno()


def do_epoll_wait(fd, poller, timeout_seconds):
    return len(pollers[poller].poll(timeout_seconds))


def do_send_small(fd, count):
    """Messages of 1 to 100 bytes of the pattern."""
    digest, sent = 0, 0
    for number in range(count):
        part = PATTERN[number : number + 1 + number % 100]
        sockets[fd].sendall(part)
        digest = zlib.crc32(part, digest)
        sent += len(part)
    return {"bytes": sent, "digest": digest}


def do_select(fd, timeout_seconds):
    readable, writable, _ = select.select([fd], [fd], [], timeout_seconds)
    return {"readable": bool(readable), "writable": bool(writable)}


def do_sendfile(fd, size):
    """Sends a file with the pattern's beginning in it."""
    file = os.memfd_create("pattern")
    try:
        os.write(file, PATTERN[:size])
        sent = 0
        while sent < size:
            sent += os.sendfile(fd, file, sent, size - sent)
        return zlib.crc32(PATTERN[:size])
    finally:
        os.close(file)


def do_splice_out(fd, data):
    """Sends what a pipe has."""
    reader, writer = os.pipe()
    try:
        os.write(writer, data.encode("latin1"))
        return os.splice(reader, fd, len(data))
    finally:
        os.close(reader)
        os.close(writer)


def do_splice_in(fd, size):
    """Receives into a pipe."""
    reader, writer = os.pipe()
    try:
        moved = os.splice(fd, writer, size)
        return text(os.read(reader, moved)) if moved else ""
    finally:
        os.close(reader)
        os.close(writer)


def do_send_pattern(fd, size, chunk, start=0, digest=0):
    """Sends `size` bytes of the pattern, repeated, or as many as go; goes on where another call has ended."""
    sent, began = 0, time.monotonic()
    failure = None
    while sent < size:
        at = (start + sent) % len(PATTERN)
        try:
            took = sockets[fd].send(PATTERN[at : at + min(chunk, size - sent)])
        except OSError as caught:
            failure = name_of(caught)
            break
        digest = zlib.crc32(PATTERN[at : at + took], digest)
        sent += took
    return {"bytes": sent, "digest": digest, "seconds": time.monotonic() - began, "error": failure}


def do_recv_digest(fd, size, chunk, pause_seconds=0):
    """Receives until `size` bytes or the end."""
    digest, received, reads, began = 0, 0, 0, time.monotonic()
    buffer = bytearray(chunk)
    view = memoryview(buffer)
    failure = None
    while received < size:
        try:
            took = sockets[fd].recv_into(view[: min(chunk, size - received)])
        except OSError as caught:
            failure = name_of(caught)
            break
        if took == 0:
            break
        digest = zlib.crc32(view[:took], digest)
        received += took
        reads += 1
        if pause_seconds:
            time.sleep(pause_seconds)
    return {"bytes": received, "digest": digest, "reads": reads, "seconds": time.monotonic() - began, "error": failure}


def do_serve_name(fd, name):
    """Tells every connection of a listening socket a name, until the socket is shut down."""
    while True:
        try:
            accepted, _ = sockets[fd].accept()
        except TimeoutError:
            continue
        except OSError:
            return
        accepted.sendall(name.encode())
        accepted.close()


def do_serve_names(fd, name):
    """Answers every datagram with a name, until the socket is shut down."""
    while True:
        try:
            _, peer = sockets[fd].recvfrom(65536)
        except TimeoutError:
            continue
        except OSError:
            return
        if peer is None or peer == ("", 0):
            return
        sockets[fd].sendto(name.encode(), peer)


def do_names(family, address, port, count):
    """What `count` connections, one after the other, are told."""
    told = {}
    for _ in range(count):
        with socket.socket(constant(family), socket.SOCK_STREAM) as made:
            made.connect((address, port))
            name = made.recv(64).decode()
            told[name] = told.get(name, 0) + 1
    return told


def do_serve_echo(fd):
    """Sends all that each connection of a listening socket says back to it; until it is shut down."""
    def echo(accepted):
        with accepted:
            try:
                while data := accepted.recv(65536):
                    accepted.sendall(data)
            except OSError:
                pass

    while True:
        try:
            accepted, _ = sockets[fd].accept()
        except TimeoutError:
            continue
        except OSError:
            return
        accepted.settimeout(PATIENCE)
        threading.Thread(target=echo, args=(accepted,), daemon=True).start()


def do_hasty(family, address, port, count, messages):
    """Connections whose messages are all sent right after connect(); what comes back must be the same, in order."""
    wrong = 0
    for number in range(count):
        with socket.socket(constant(family), socket.SOCK_STREAM) as made:
            made.settimeout(PATIENCE)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.connect((address, port))
            said = b""
            for message in range(messages):
                part = b"%06d.%03d;" % (number, message)
                made.send(part)
                said += part
            made.shutdown(socket.SHUT_WR)
            heard = b""
            while data := made.recv(65536):
                heard += data
            wrong += heard != said
    return wrong


calls = {name[3:]: function for name, function in globals().items() if name.startswith("do_")}
answering = threading.Lock()


def answer(request):
    name = request.pop("call")
    number = request.pop("id")
    try:
        result = {"id": number, "value": calls[name](**request)}
    except OSError as failure:
        result = {"id": number, "error": name_of(failure)}
    except Exception as failure:
        result = {"id": number, "error": f"{type(failure).__name__}: {failure}"}
    with answering:
        print(json.dumps(result), flush=True)


for line in sys.stdin:
    threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()
os._exit(0)
