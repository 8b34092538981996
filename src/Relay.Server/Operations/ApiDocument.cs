using Microsoft.OpenApi;
using Relay.Server.Agents;
using Relay.Server.Operations.Health;

namespace Relay.Server.Operations;

/// <summary>The OpenAPI document and its page at <c>/swagger</c>, in Development.</summary>
internal static class ApiDocument
{
    public static IServiceCollection AddApiDocument(this IServiceCollection services)
    {
        services.AddEndpointsApiExplorer();
        services.AddSwaggerGen(static options =>
        {
            options.SwaggerDoc("v1", new OpenApiInfo
            {
                Title = "Relay",
                Version = HealthEndpoints.Version,
                Description = "Takes webhooks, stores them, pushes them to agents behind NAT.",
            });
            options.AddSecurityDefinition("admin", new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.ApiKey,
                In = ParameterLocation.Header,
                Name = Access.AdminHeader,
            });
            options.AddSecurityRequirement(static document => new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("admin", document)] = [] });
        });
        return services;
    }

    public static void UseApiDocument(this WebApplication app)
    {
        if (app.Environment.IsDevelopment())
        {
            app.UseSwagger();
            app.UseSwaggerUI();
        }
    }
}
