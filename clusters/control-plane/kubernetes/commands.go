//go:build tools

// Package kubernetes pins what the lab builds of Kubernetes where the official release cannot be downloaded. Nothing
// compiles this file: it makes the programs' dependencies those of this module, so that go.mod and go.sum hold them.
// Kubernetes' own go.mod replaces its k8s.io modules by folders; go.mod here replaces them by their published versions.
package kubernetes

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubeadm"
	_ "k8s.io/kubernetes/cmd/kubectl"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
