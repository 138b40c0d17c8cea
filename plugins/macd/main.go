// Command macd is the cross of MACD and its signal line as a plugin.
package main

import (
	_ "embed"

	"github.com/lunobot/lunobot/plugins/macd/macd"
	"github.com/lunobot/lunobot/strategy/plugin"
)

//go:embed README.md
var guide string

func main() { plugin.Serve(macd.Definition().WithGuide(guide)) }
