// Command rules is the strategy rules as a plugin: go build and give the binary
// to a host.
package main

import (
	_ "embed"

	"github.com/lunobot/lunobot/plugins/rules/rules"
	"github.com/lunobot/lunobot/strategy/plugin"
)

//go:embed README.md
var guide string

func main() { plugin.Serve(rules.Definition().WithGuide(guide)) }
