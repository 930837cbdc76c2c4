"""The REST client of Snowpipe Streaming: hosts, tokens, channels. It knows neither pandas nor Arrow."""
