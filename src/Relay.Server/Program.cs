using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Activities;
using Relay.Server.Admin;
using Relay.Server.Agents;
using Relay.Server.Audit;
using Relay.Server.Cluster;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.Events;
using Relay.Server.Events.Replays;
using Relay.Server.Http;
using Relay.Server.HttpFallback;
using Relay.Server.Ingest;
using Relay.Server.Limits;
using Relay.Server.Operations;
using Relay.Server.Operations.Health;
using Relay.Server.Polling;
using Relay.Server.Storage;

if (args is [HealthProbe.Command, ..])
{
    return await HealthProbe.RunAsync(args);
}

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddSingleton(TimeProvider.System);
builder.Services.ConfigureHttpJsonOptions(static json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, ApiJson.Default));

builder.Services.AddHttp();
builder.Services.AddStorage(builder.Configuration);
builder.Services.AddCluster();
builder.Services.AddLimits();
builder.Services.AddActivities();
builder.Services.AddAudit();
builder.Services.AddAdmin();
builder.Services.AddAgents();
builder.Services.AddDelivery();
builder.Services.AddAgentConnections();
builder.Services.AddHttpFallback();
builder.Services.AddIngest();
builder.Services.AddPolling();
builder.Services.AddEvents();
builder.AddOperations();

var app = builder.Build();
try
{
    // Before the host starts, which would log a stack trace where one sentence helps more.
    app.Services.GetRequiredService<IStartupValidator>().Validate();
    app.Services.GetRequiredService<IStoreHealth>();

    app.UseAgentConnections();
    app.UseAnswerHeaders();
    app.UseProxiedRequests();
    app.UseErrorHandling();
    app.UseAddressLimits();
    app.UseAuthenticationLimits();
    app.UseApiDocument();

    app.MapIngest();
    app.MapPolling();
    app.MapAgentConnections();
    app.MapAdmin();
    app.MapAudit();
    app.MapAgents();
    app.MapEvents();
    app.MapReplays();
    app.MapActivities();
    app.MapOperations();

    await app.RunAsync();
    return 0;
}
catch (Exception exception) when (StartFailure.Explain(exception) is { } sentence)
{
    await Console.Error.WriteLineAsync(sentence);
    return 1;
}
