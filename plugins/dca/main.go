// Command dca buys by schedule and into dips, as a plugin.
package main

import (
	"github.com/lunobot/lunobot/plugins/dca/dca"
	"github.com/lunobot/lunobot/strategy/plugin"
)

func main() { plugin.Serve(dca.Definition()) }
