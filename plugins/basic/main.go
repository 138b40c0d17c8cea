// Command basic is the moving-average cross as a plugin. Copy this folder to
// begin a strategy of your own.
package main

import (
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy/plugin"
)

func main() { plugin.Serve(basic.Definition()) }
