// Command workload is the server that every data plane carries traffic to: an HTTP/1.1 server on one port per test
// mode, and an admin server on a port of its own, whose traffic is in no other port's numbers.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// drainTimeout bounds a graceful end: what is still unanswered then is cut off.
const drainTimeout = 800 * time.Millisecond

func main() {
	listen := flag.String("listen", ":8080,:8081,:8082,:8083", "traffic addresses, separated by commas")
	admin := flag.String("admin", ":8079", "address of /healthz, /readyz, /stats and /freeze")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, strings.Split(*listen, ","), *admin); err != nil {
		fmt.Fprintf(os.Stderr, "workload: %v\n", err)
		os.Exit(1)
	}
}

// run serves until ctx is done, then drains. Every address is bound before the first request is answered, so a port that
// is taken ends the program at once.
func run(ctx context.Context, addresses []string, adminAddress string) error {
	ports := make([]*port, 0, len(addresses))
	servers := make([]*http.Server, 0, len(addresses)+1)
	listeners := make([]net.Listener, 0, len(addresses)+1)
	defer func() {
		for _, server := range servers {
			_ = server.Close()
		}
		for _, listener := range listeners {
			_ = listener.Close()
		}
	}()
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		p := newPort(listener)
		ports = append(ports, p)
		listeners = append(listeners, countingListener{listener, &p.counters})
		// No timeouts: a proxy may keep a connection open before and between requests for as long as it likes.
		servers = append(servers, &http.Server{Handler: p})
	}
	adminListener, err := net.Listen("tcp", adminAddress)
	if err != nil {
		return err
	}
	listeners = append(listeners, adminListener)
	servers = append(servers, &http.Server{Handler: newAdmin(ctx, ports), ReadHeaderTimeout: 10 * time.Second})

	failed := make(chan error, len(servers))
	for i, server := range servers {
		go func() { failed <- server.Serve(listeners[i]) }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return drain(servers)
	}
}

// drain stops accepting, lets requests under way finish, and cuts off what takes longer than drainTimeout.
func drain(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	drained := make(chan struct{})
	for _, server := range servers {
		go func() {
			if server.Shutdown(ctx) != nil {
				_ = server.Close()
			}
			drained <- struct{}{}
		}()
	}
	for range servers {
		<-drained
	}
	return nil
}
