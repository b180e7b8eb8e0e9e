package serve

import (
	"encoding/json"
	"net/http"
)

// lines begins an answer of lines of JSON, each of which is sent at once.
func lines(w http.ResponseWriter) func(value any) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	stream := http.NewResponseController(w)
	_ = stream.Flush()
	encoder := json.NewEncoder(w)
	return func(value any) {
		_ = encoder.Encode(value)
		_ = stream.Flush()
	}
}
