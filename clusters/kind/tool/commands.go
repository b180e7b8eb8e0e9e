//go:build tools

// Package kind pins kind itself, and with it the files of its node image's base. Nothing compiles this file: it makes
// kind's dependencies those of this module, so that go.mod and go.sum hold them.
package kind

import _ "sigs.k8s.io/kind"
