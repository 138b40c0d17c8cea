// Command server is a whole installation in one process: pages, API, worker and
// demo market; or, beside workers, pages and API alone.
package main

import (
	"os"

	"github.com/lunobot/lunobot/hosts/internal/boot"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

func main() {
	shim := sandbox.Serve()
	boot.Bundle().ServeIfChild()
	os.Exit(boot.Server(shim, os.Args[1:], os.Stdout, os.Stderr))
}
