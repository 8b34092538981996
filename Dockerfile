FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source

# What decides about packages first, so that a change of code restores nothing anew.
COPY global.json Directory.Build.props Directory.Build.targets Directory.Packages.props BannedSymbols.txt .editorconfig ./
COPY src/Relay.Protocol/Relay.Protocol.csproj src/Relay.Protocol/packages.lock.json src/Relay.Protocol/
COPY src/Relay.Server/Relay.Server.csproj src/Relay.Server/packages.lock.json src/Relay.Server/
RUN dotnet restore src/Relay.Server --locked-mode

COPY src/Relay.Protocol src/Relay.Protocol
COPY src/Relay.Server src/Relay.Server
RUN dotnet publish src/Relay.Server --no-restore -c Release -o /app -p:UseAppHost=false

FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
COPY --from=build /app .

# A new volume takes its owner from the folder it covers.
RUN mkdir /data && chown "$APP_UID:$APP_UID" /data
VOLUME /data
ENV ASPNETCORE_HTTP_PORTS=8080 \
    Relay__Storage__Path=/data
USER $APP_UID
EXPOSE 8080

# The image has neither curl nor wget: the server asks itself.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["dotnet", "Relay.Server.dll", "healthcheck"]
ENTRYPOINT ["dotnet", "Relay.Server.dll"]
