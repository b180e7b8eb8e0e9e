package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

const (
	// defaultBodyBytes is the body of `GET /` where the request names no length.
	defaultBodyBytes = 1024
	// maxBodyBytes is the longest body that a request may ask for.
	maxBodyBytes = 16 << 20
)

// filler is what bodies are made of: one write's worth of a printable pattern.
var filler = func() []byte {
	pattern := make([]byte, 64<<10)
	for i := range pattern {
		pattern[i] = "abcdefghijklmnopqrstuvwxyz012345"[i%32]
	}
	return pattern
}()

// defaultLength and contentType are shared between all answers, which saves an allocation each.
var (
	defaultLength = []string{strconv.Itoa(defaultBodyBytes)}
	contentType   = []string{"text/plain"}
)

// port is one traffic port: its handler, its counters and its gate.
type port struct {
	number   int
	counters counters
	gate     gate
}

func newPort(listener net.Listener) *port {
	return &port{number: listener.Addr().(*net.TCPAddr).Port}
}

// ServeHTTP answers `GET /` with a body of known length and `/echo` with what it saw of the request.
func (p *port) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.counters.requests.Add(1)
	p.gate.wait(r.Context())
	switch {
	case r.URL.Path == "/echo" && (r.Method == http.MethodGet || r.Method == http.MethodPost):
		p.echo(w, r)
	case r.URL.Path == "/" && r.Method == http.MethodGet:
		p.body(w, r)
	case r.URL.Path == "/" || r.URL.Path == "/echo":
		http.Error(w, r.Method+" is not served here", http.StatusMethodNotAllowed)
	default:
		http.NotFound(w, r)
	}
}

func (p *port) body(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["Content-Type"] = contentType
	if r.URL.RawQuery == "" {
		header["Content-Length"] = defaultLength
		_, _ = w.Write(filler[:defaultBodyBytes])
		return
	}
	length := defaultBodyBytes
	if asked := r.URL.Query().Get("bytes"); asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil || n < 0 || n > maxBodyBytes {
			http.Error(w, fmt.Sprintf("bytes must be a whole number from 0 to %d", maxBodyBytes), http.StatusBadRequest)
			return
		}
		length = n
	}
	header.Set("Content-Length", strconv.Itoa(length))
	for length > 0 {
		n, err := w.Write(filler[:min(length, len(filler))])
		if err != nil {
			return
		}
		length -= n
	}
}

// echoed is what the server saw of a request. Header names are in lower case; repeated ones are joined by ", ".
type echoed struct {
	ClientAddress string            `json:"clientAddress"`
	Method        string            `json:"method"`
	Path          string            `json:"path"`
	Headers       map[string]string `json:"headers"`
	Port          int               `json:"port"`
}

func (p *port) echo(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	headers := make(map[string]string, len(r.Header)+1)
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	headers["host"] = r.Host
	writeJSON(w, echoed{hostOf(r.RemoteAddr), r.Method, r.URL.RequestURI(), headers, p.number})
}

// writeJSON answers with a known length, so that the body is never sent in chunks.
func writeJSON(w http.ResponseWriter, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body = append(body, '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}
