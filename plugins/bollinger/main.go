// Command bollinger trades at Bollinger bands, as a plugin.
package main

import (
	_ "embed"

	"github.com/lunobot/lunobot/plugins/bollinger/bollinger"
	"github.com/lunobot/lunobot/strategy/plugin"
)

//go:embed README.md
var guide string

func main() { plugin.Serve(bollinger.Definition().WithGuide(guide)) }
