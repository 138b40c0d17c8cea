// Command server is a whole installation in one process: pages, API, worker and
// demo market.
package main

import (
	"os"

	"github.com/lunobot/lunobot/hosts/internal/boot"
)

func main() {
	boot.Bundle().ServeIfChild()
	os.Exit(boot.Server(os.Args[1:], os.Stdout, os.Stderr))
}
