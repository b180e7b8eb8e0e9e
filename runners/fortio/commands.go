//go:build tools

// Package fortio pins the second load generator, by which `lab check second-generator` judges the first. Nothing
// compiles this file: it makes fortio's dependencies those of this module, so that go.mod and go.sum hold them.
package fortio

import _ "fortio.org/fortio"
