// Package wire is a lean HTTP/1.1 client connection: one request at a time, no allocation per request, every byte
// counted.
package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
)

// bufferBytes holds an answer's head and, in the usual case, its body too, and of a long one what one read may give. A
// longer head is an error.
const bufferBytes = 64 << 10

// Counters are what all connections that share them have done since the process started. Bytes are those of HTTP, as
// plaintext on the socket. They only grow.
type Counters struct {
	Requests, Connections, BytesSent, BytesReceived atomic.Int64
}

// Answer is what came back: the status, how long the body was, and whether the server closes the connection after it.
type Answer struct {
	Status    int
	BodyBytes int64
	Close     bool
}

// ErrLength says that an answer's body was not as long as its head said, or that its head does not say how long it is
// (answers in chunks are not read: the workload never sends any).
var ErrLength = errors.New("the answer's body has another length than its head says")

// Conn is one connection. Send and Receive may be called from two goroutines, each from one at a time.
type Conn struct {
	conn       net.Conn
	counters   *Counters
	buffer     [bufferBytes]byte
	start, end int
}

// Dial opens a connection. Go sets TCP_NODELAY on it.
func Dial(ctx context.Context, address string, counters *Counters) (*Conn, error) {
	conn, err := (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	counters.Connections.Add(1)
	return &Conn{conn: conn, counters: counters}, nil
}

// Send writes a whole request, head and body.
func (c *Conn) Send(request []byte) error {
	n, err := c.conn.Write(request)
	c.counters.BytesSent.Add(int64(n))
	if err == nil {
		c.counters.Requests.Add(1)
	}
	return err
}

// Receive waits for one answer and reads it to its end. The body goes to `body`, or nowhere where that is nil.
// io.EOF says that the server closed the connection between two answers; ErrLength is as described there.
func (c *Conn) Receive(body io.Writer) (Answer, error) {
	for {
		head, err := c.head()
		if err != nil {
			return Answer{}, err
		}
		if head.status >= 100 && head.status < 200 {
			continue
		}
		if head.bodyBytes < 0 {
			return Answer{}, fmt.Errorf("%w: status %d", ErrLength, head.status)
		}
		answer := Answer{Status: head.status, BodyBytes: head.bodyBytes, Close: head.close}
		return answer, c.body(head.bodyBytes, body)
	}
}

// Close breaks off both directions; a Receive under way fails.
func (c *Conn) Close() error { return c.conn.Close() }

// head takes the next answer's head out of the buffer, reading until it is whole.
func (c *Conn) head() (head, error) {
	for searched := c.start; ; {
		if length := headLength(c.buffer[c.start:c.end], searched-c.start); length > 0 {
			parsed, err := parseHead(c.buffer[c.start : c.start+length])
			c.start += length
			return parsed, err
		}
		searched = max(c.start, c.end-3)
		if c.start > 0 {
			copy(c.buffer[:], c.buffer[c.start:c.end])
			searched, c.end, c.start = searched-c.start, c.end-c.start, 0
		}
		if c.end == len(c.buffer) {
			return head{}, errors.New("the answer's head is too long")
		}
		if err := c.read(); err != nil {
			if c.end > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return head{}, err
		}
	}
}

// body takes the next n bytes, first out of the buffer.
func (c *Conn) body(n int64, to io.Writer) error {
	for {
		part := int(min(n, int64(c.end-c.start)))
		if to != nil {
			if _, err := to.Write(c.buffer[c.start : c.start+part]); err != nil {
				return err
			}
		}
		c.start += part
		if n -= int64(part); n == 0 {
			return nil
		}
		c.start, c.end = 0, 0
		if err := c.read(); err != nil {
			if errors.Is(err, io.EOF) {
				return ErrLength
			}
			return err
		}
	}
}

// read adds what has come, at least one byte, to the buffer's end.
func (c *Conn) read() error {
	n, err := c.conn.Read(c.buffer[c.end:])
	c.counters.BytesReceived.Add(int64(n))
	c.end += n
	if n > 0 {
		return nil
	}
	return err
}
