// Command rules is the strategy rules as a plugin: go build and give the binary
// to a host.
package main

import (
	"github.com/lunobot/lunobot/plugins/rules/rules"
	"github.com/lunobot/lunobot/strategy/plugin"
)

func main() { plugin.Serve(rules.Definition()) }
