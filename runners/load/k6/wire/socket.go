package wire

import (
	"io"
	"net"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket is a connection none of whose calls waits: whoever has many of them watches their descriptors, on one thread. It
// counts as Conn does, knows when the kernel had what is read (see stamps), and allocates nothing once it is made. Go's
// scheduler is not told of its calls: they never wait, and telling it costs more than some of them.
type Socket struct {
	// Descriptor is -1 while it is closed.
	Descriptor int
	counters   *Counters
	parser     *Parser
	control    [64]byte
	part       unix.Iovec
	message    unix.Msghdr
}

// NewSocket makes one that is closed.
func NewSocket(counters *Counters) *Socket {
	s := &Socket{Descriptor: -1, counters: counters, parser: NewParser()}
	s.message = unix.Msghdr{Iov: &s.part, Iovlen: 1, Control: &s.control[0]}
	return s
}

// Open begins to connect. The descriptor becomes writable when that has come to an end.
func (s *Socket) Open(address *net.TCPAddr) error {
	s.Close()
	family, to := sockaddr(address)
	descriptor, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	s.Descriptor = descriptor
	s.parser.Reset()
	for _, option := range [][2]int{{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS}, {unix.IPPROTO_TCP, unix.TCP_NODELAY}} {
		if err := unix.SetsockoptInt(descriptor, option[0], option[1], 1); err != nil {
			return err
		}
	}
	if err := unix.Connect(descriptor, to); err != nil && err != unix.EINPROGRESS {
		return err
	}
	return nil
}

// Opened says what connecting came to.
func (s *Socket) Opened() error {
	failure, err := unix.GetsockoptInt(s.Descriptor, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if failure != 0 {
		return unix.Errno(failure)
	}
	s.counters.Connections.Add(1)
	return nil
}

// Send writes a whole request. One that does not fit into the socket is an error: there is only ever one under way.
func (s *Socket) Send(request []byte) error {
	n, _, failure := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.Descriptor), uintptr(unsafe.Pointer(&request[0])),
		uintptr(len(request)), unix.MSG_NOSIGNAL, 0, 0)
	if failure != 0 {
		return failure
	}
	s.counters.BytesSent.Add(int64(n))
	if int(n) < len(request) {
		return io.ErrShortWrite
	}
	s.counters.Requests.Add(1)
	return nil
}

// Receive takes what has come; `whole` says that an answer is. Errors are those of Conn.Receive, and io.EOF is the end of
// the stream outside of any answer.
func (s *Socket) Receive() (answer Answer, whole bool, err error) {
	space := s.parser.Space()
	s.part.Base = &space[0]
	s.part.SetLen(len(space))
	s.message.SetControllen(len(s.control))
	n, _, failure := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(s.Descriptor), uintptr(unsafe.Pointer(&s.message)), 0)
	if failure == unix.EAGAIN || failure == unix.EINTR {
		return Answer{}, false, nil
	}
	if failure != 0 {
		return Answer{}, false, failure
	}
	if n == 0 {
		if err := s.parser.Ended(); err != nil {
			return Answer{}, false, err
		}
		return Answer{}, false, io.EOF
	}
	s.counters.BytesReceived.Add(int64(n))
	answer, whole, err = s.parser.Next(int(n))
	if whole {
		answer.At = stampIn(s.control[:s.message.Controllen])
		if answer.At.IsZero() {
			answer.At = time.Now()
		}
	}
	return answer, whole, err
}

// Close breaks off both directions.
func (s *Socket) Close() {
	if s.Descriptor >= 0 {
		_ = unix.Close(s.Descriptor)
	}
	s.Descriptor = -1
}

func sockaddr(address *net.TCPAddr) (family int, to unix.Sockaddr) {
	if ip := address.IP.To4(); ip != nil {
		return unix.AF_INET, &unix.SockaddrInet4{Port: address.Port, Addr: [4]byte(ip)}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: address.Port, Addr: [16]byte(address.IP.To16())}
}
