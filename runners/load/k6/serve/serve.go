// Package serve is the load generator's service: it stands in a pod and is told over HTTP what to send.
package serve

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// Main runs `k6 serve` and returns its exit code: 0 after SIGTERM or SIGINT.
func Main(arguments []string) int {
	flags := flag.NewFlagSet("k6 serve", flag.ContinueOnError)
	listen := flags.String("listen", ":8089", "address of the service")
	scripts := flags.String("scripts", "", "folder of the scripts that may be run")
	if err := flags.Parse(arguments); err != nil {
		return 2
	}
	executable, err := os.Executable()
	if err == nil && *scripts == "" {
		err = errors.New("--scripts must name a folder")
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		err = run(ctx, *listen, NewHandler(executable, *scripts))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "k6 serve: %v\n", err)
		return 1
	}
	return 0
}

// NewHandler serves
//
//	GET /healthz     200
//	POST /blocks     runs a script under load; see Block. Answers events as lines of JSON, as they happen
//	POST /requests   sends some requests one after another; see Requests. Answers Replies
//	POST /floods     sends as much as a server takes; see flood.Flood. Answers events as /blocks does
//	POST /bulks      has iperf3 pull as much as a path carries; see bulk.Bulk. Answers events as /blocks does
//	POST /programs/NAME  runs a Node program of the image on the JSON that it is sent. Answers the events that it writes
//	POST /watches    tells when a server begins or ceases to be reachable; see watch.Watch. Answers changes as lines of JSON
//
// A refused request is answered by {"error": why}. `executable` is the k6 that runs the scripts; Node and its programs are
// beside it.
func NewHandler(executable, scripts string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.Handle("POST /blocks", newBlocks(executable, scripts))
	mux.HandleFunc("POST /requests", sendRequests)
	mux.HandleFunc("POST /floods", runFlood)
	mux.HandleFunc("POST /bulks", runBulk)
	folder := filepath.Dir(executable)
	mux.Handle("POST /programs/{name}", programs{filepath.Join(folder, "node"), folder})
	mux.HandleFunc("POST /watches", runWatch)
	return mux
}

// run serves until ctx is done. Requests under way are cut off then, and with them the k6 that they run.
func run(ctx context.Context, address string, handler http.Handler) error {
	server := &http.Server{
		Addr:              address,
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		shutdown, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		if server.Shutdown(shutdown) != nil {
			_ = server.Close()
		}
		return nil
	}
}

// decode reads a request's JSON body, in which no field may be unknown.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
