// Command grid is a ladder of limit orders as a plugin.
package main

import (
	"github.com/lunobot/lunobot/plugins/grid/grid"
	"github.com/lunobot/lunobot/strategy/plugin"
)

func main() { plugin.Serve(grid.Definition()) }
