// Package boot is what the hosts have in common: the bundled strategies, the
// configuration by environment, flags or .env, and the lives of server and worker.
//
// It owns no rule of the product; a program of one's own replaces it with a few
// lines, as examples/embed does.
//
// Smallest use:
//
//	shim := sandbox.Serve()
//	boot.Bundle().ServeIfChild()
//	os.Exit(boot.Server(shim, os.Args[1:], os.Stdout, os.Stderr))
package boot
