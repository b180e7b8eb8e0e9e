package wire

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Request builds a GET request of a plain http URL as it goes over the wire, and the address to send it to. Headers with
// a name or value that would break the head are refused.
func Request(target string, headers map[string]string) (address string, request []byte, err error) {
	parsed, err := url.Parse(target)
	if err != nil {
		return "", nil, err
	}
	if parsed.Scheme != "http" || parsed.Hostname() == "" {
		return "", nil, fmt.Errorf("%q is not a plain http URL", target)
	}
	port := parsed.Port()
	if port == "" {
		port = "80"
	}
	host := parsed.Host
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value := headers[name]
		if name == "" || strings.ContainsAny(name, " \t\r\n:") || strings.ContainsAny(value, "\r\n\x00") {
			return "", nil, fmt.Errorf("%q: %q cannot be sent as a header", name, value)
		}
		if http.CanonicalHeaderKey(name) == "Host" {
			host = value
			continue
		}
		fmt.Fprintf(&text, "%s: %s\r\n", name, value)
	}
	head := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n", parsed.RequestURI(), host)
	return net.JoinHostPort(parsed.Hostname(), port), []byte(head + text.String() + "\r\n"), nil
}
