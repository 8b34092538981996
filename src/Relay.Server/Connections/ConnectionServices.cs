using Microsoft.Extensions.Options;
using Relay.Server.Activities;
using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.HttpFallback;
using Relay.Server.Limits;

namespace Relay.Server.Connections;

/// <summary>What every connection needs.</summary>
internal sealed record ConnectionServices(
    AgentDirectory Agents,
    KeyUsage KeyUsage,
    ConnectionRegistry Registry,
    TimingWheel Wheel,
    ConnectionSeats Seats,
    AuthenticationGuard Guard,
    DeliveryPumpServices Pump,
    HttpDeliveries HttpDeliveries,
    WebhookUrls Urls,
    ActivityHub Activities,
    AuthFailures AuthFailures,
    IOptions<ConnectionOptions> Options,
    IHostApplicationLifetime Lifetime,
    TimeProvider Time,
    ILogger<AgentConnection> Logger);
