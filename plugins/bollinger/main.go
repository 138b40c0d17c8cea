// Command bollinger trades at Bollinger bands, as a plugin.
package main

import (
	"github.com/lunobot/lunobot/plugins/bollinger/bollinger"
	"github.com/lunobot/lunobot/strategy/plugin"
)

func main() { plugin.Serve(bollinger.Definition()) }
