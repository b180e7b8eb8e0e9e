package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stamps reads a TCP socket together with the time at which the kernel took in what is read (SO_TIMESTAMPNS; socket(7)), a
// clock that does not depend on when this process gets its turn. Sockets whose data a BPF program hands over from another
// one have none: there the time of the read stands for it.
type stamps struct {
	raw     syscall.RawConn
	receive func(descriptor uintptr) bool

	// What receive works on: made once, so that a read allocates nothing.
	into    []byte
	control [64]byte
	n, used int
	err     error
}

func newStamps(conn net.Conn) (*stamps, error) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("%T has no times", conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	failure := raw.Control(func(descriptor uintptr) {
		err = unix.SetsockoptInt(int(descriptor), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
	if failure != nil || err != nil {
		return nil, fmt.Errorf("SO_TIMESTAMPNS: %v %v", failure, err)
	}
	s := &stamps{raw: raw}
	s.receive = func(descriptor uintptr) bool {
		for {
			s.n, s.used, _, _, s.err = unix.Recvmsg(int(descriptor), s.into, s.control[:], unix.MSG_DONTWAIT)
			if s.err != unix.EINTR {
				return s.err != unix.EAGAIN
			}
		}
	}
	return s, nil
}

// read is as io.Reader has it.
func (s *stamps) read(into []byte) (int, time.Time, error) {
	s.into = into
	if err := s.raw.Read(s.receive); err != nil {
		return 0, time.Time{}, err
	}
	if s.err != nil {
		return 0, time.Time{}, s.err
	}
	if s.n == 0 {
		return 0, time.Time{}, io.EOF
	}
	at := stampIn(s.control[:s.used])
	if at.IsZero() {
		at = time.Now()
	}
	return s.n, at, nil
}

// stampIn is the time in a read's control messages, zero where there is none; cmsg(3) has their layout.
func stampIn(control []byte) time.Time {
	const header = int(unsafe.Sizeof(unix.Cmsghdr{}))
	if len(control) < header+16 || binary.NativeEndian.Uint32(control[12:]) != unix.SO_TIMESTAMPNS {
		return time.Time{}
	}
	seconds := binary.NativeEndian.Uint64(control[header:])
	nanoseconds := binary.NativeEndian.Uint64(control[header+8:])
	return time.Unix(int64(seconds), int64(nanoseconds))
}
