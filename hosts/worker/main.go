// Command worker runs bots and jobs beside servers on other machines.
package main

import (
	"os"

	"github.com/lunobot/lunobot/hosts/internal/boot"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

func main() {
	shim := sandbox.Serve()
	boot.Bundle().ServeIfChild()
	os.Exit(boot.Worker(shim, os.Args[1:], os.Stdout, os.Stderr))
}
