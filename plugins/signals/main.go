// Command signals trades what it is told from outside, as a plugin.
package main

import (
	_ "embed"

	"github.com/lunobot/lunobot/plugins/signals/signals"
	"github.com/lunobot/lunobot/strategy/plugin"
)

//go:embed README.md
var guide string

func main() { plugin.Serve(signals.Definition().WithGuide(guide)) }
