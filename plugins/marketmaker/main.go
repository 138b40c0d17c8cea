// Command marketmaker quotes both sides of a market as a plugin.
package main

import (
	_ "embed"

	"github.com/lunobot/lunobot/plugins/marketmaker/marketmaker"
	"github.com/lunobot/lunobot/strategy/plugin"
)

//go:embed README.md
var guide string

func main() { plugin.Serve(marketmaker.Definition().WithGuide(guide)) }
