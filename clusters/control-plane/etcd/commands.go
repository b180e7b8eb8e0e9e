//go:build tools

// Package etcd pins what the lab builds of etcd where the official release cannot be downloaded. Nothing compiles this
// file: it makes the server's dependencies those of this module, so that go.mod and go.sum hold them.
package etcd

import _ "go.etcd.io/etcd/server/v3"
