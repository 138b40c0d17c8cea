// Command breakout is the channel breakout of the Turtles as a plugin.
package main

import (
	"github.com/lunobot/lunobot/plugins/breakout/breakout"
	"github.com/lunobot/lunobot/strategy/plugin"
)

func main() { plugin.Serve(breakout.Definition()) }
