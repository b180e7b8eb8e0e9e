package main

import (
	"net"
	"sync"
	"sync/atomic"
)

// counters are what one traffic port has seen since the program started, taken at the socket. All but
// openConnections only grow.
type counters struct {
	requests        atomic.Int64
	connections     atomic.Int64
	openConnections atomic.Int64
	bytesReceived   atomic.Int64
	bytesSent       atomic.Int64

	mutex           sync.Mutex
	clientAddresses map[string]int64
}

// snapshot is the JSON form of counters. Bytes are those of HTTP, as plaintext on the socket; clientAddresses says how
// many connections came from each address.
type snapshot struct {
	Requests        int64            `json:"requests"`
	Connections     int64            `json:"connections"`
	OpenConnections int64            `json:"openConnections"`
	BytesReceived   int64            `json:"bytesReceived"`
	BytesSent       int64            `json:"bytesSent"`
	ClientAddresses map[string]int64 `json:"clientAddresses"`
}

func (c *counters) snapshot() snapshot {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	addresses := make(map[string]int64, len(c.clientAddresses))
	for address, connections := range c.clientAddresses {
		addresses[address] = connections
	}
	return snapshot{
		Requests:        c.requests.Load(),
		Connections:     c.connections.Load(),
		OpenConnections: c.openConnections.Load(),
		BytesReceived:   c.bytesReceived.Load(),
		BytesSent:       c.bytesSent.Load(),
		ClientAddresses: addresses,
	}
}

func (c *counters) accepted(remote net.Addr) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.clientAddresses == nil {
		c.clientAddresses = map[string]int64{}
	}
	c.clientAddresses[hostOf(remote.String())]++
	c.connections.Add(1)
	c.openConnections.Add(1)
}

// hostOf is the address without its port, and without the prefix of an IPv4 address on a dual-stack socket.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); ip != nil {
		return ip.String()
	}
	return host
}

// countingListener counts what passes through the connections it accepts.
type countingListener struct {
	net.Listener
	counters *counters
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.counters.accepted(conn.RemoteAddr())
	return &countingConn{Conn: conn, counters: l.counters}, nil
}

type countingConn struct {
	net.Conn
	counters *counters
	closed   sync.Once
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.counters.bytesReceived.Add(int64(n))
	return n, err
}

// Write counts before it writes: a client that has its answer finds it counted. What a broken connection cuts short
// counts as if it had been written whole.
func (c *countingConn) Write(p []byte) (int, error) {
	c.counters.bytesSent.Add(int64(len(p)))
	return c.Conn.Write(p)
}

func (c *countingConn) Close() error {
	c.closed.Do(func() { c.counters.openConnections.Add(-1) })
	return c.Conn.Close()
}
