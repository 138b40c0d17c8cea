// Command marketmaker quotes both sides of a market as a plugin.
package main

import (
	"github.com/lunobot/lunobot/plugins/marketmaker/marketmaker"
	"github.com/lunobot/lunobot/strategy/plugin"
)

func main() { plugin.Serve(marketmaker.Definition()) }
