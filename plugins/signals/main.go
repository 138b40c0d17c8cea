// Command signals trades what it is told from outside, as a plugin.
package main

import (
	"github.com/lunobot/lunobot/plugins/signals/signals"
	"github.com/lunobot/lunobot/strategy/plugin"
)

func main() { plugin.Serve(signals.Definition()) }
