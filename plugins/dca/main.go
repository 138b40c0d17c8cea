// Command dca buys by schedule and into dips, as a plugin.
package main

import (
	_ "embed"

	"github.com/lunobot/lunobot/plugins/dca/dca"
	"github.com/lunobot/lunobot/strategy/plugin"
)

//go:embed README.md
var guide string

func main() { plugin.Serve(dca.Definition().WithGuide(guide)) }
