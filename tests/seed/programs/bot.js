ws.on('message', (data) => {
  const msg = JSON.parse(data.toString());

  if (msg.type === 'session.started') {
    const { id, notes, created_at } = msg.data.session;

    // Announce to IRC/Discord/etc
    bot.announce(`🎮 Game Night has started! Session #${id}`);
    if (notes) {
      bot.announce(`📝 ${notes}`);
    }
    bot.announce('🗳️ Vote with thisgame++ or thisgame-- during games!');

    // Auto-subscribe to this session
    ws.send(JSON.stringify({
      type: 'subscribe',
      sessionId: id
    }));
  }
});
