"""The Kubernetes manifests: rendered, valid, safe, and in step with the code (`make k8s`)."""
