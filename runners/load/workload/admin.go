package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// maxFreeze bounds what /freeze may ask for.
const maxFreeze = time.Minute

// newAdmin serves probes, counters and the freeze switch. It is not ready while the program drains (ctx is done).
func newAdmin(ctx context.Context, ports []*port) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if ctx.Err() != nil {
			http.Error(w, "draining", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		stats := make(map[string]snapshot, len(ports))
		for _, p := range ports {
			stats[strconv.Itoa(p.number)] = p.counters.snapshot()
		}
		writeJSON(w, stats)
	})
	mux.HandleFunc("POST /freeze", func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(r.URL.Query().Get("port"))
		if err != nil {
			http.Error(w, "port must be a number", http.StatusBadRequest)
			return
		}
		milliseconds, err := strconv.Atoi(r.URL.Query().Get("ms"))
		if err != nil || milliseconds < 1 || milliseconds > int(maxFreeze.Milliseconds()) {
			http.Error(w, fmt.Sprintf("ms must be a whole number from 1 to %d", maxFreeze.Milliseconds()), http.StatusBadRequest)
			return
		}
		for _, p := range ports {
			if p.number == number {
				p.gate.shut(time.Duration(milliseconds) * time.Millisecond)
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		http.Error(w, fmt.Sprintf("port %d is not served", number), http.StatusNotFound)
	})
	return mux
}
