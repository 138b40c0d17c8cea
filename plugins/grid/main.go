// Command grid is a ladder of limit orders as a plugin.
package main

import (
	_ "embed"

	"github.com/lunobot/lunobot/plugins/grid/grid"
	"github.com/lunobot/lunobot/strategy/plugin"
)

//go:embed README.md
var guide string

func main() { plugin.Serve(grid.Definition().WithGuide(guide)) }
