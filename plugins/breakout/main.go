// Command breakout is the channel breakout of the Turtles as a plugin.
package main

import (
	_ "embed"

	"github.com/lunobot/lunobot/plugins/breakout/breakout"
	"github.com/lunobot/lunobot/strategy/plugin"
)

//go:embed README.md
var guide string

func main() { plugin.Serve(breakout.Definition().WithGuide(guide)) }
