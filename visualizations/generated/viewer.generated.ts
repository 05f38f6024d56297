// Drawn from machines/ by `npm run render`. Do not edit.
import type { Exhibit } from '../viewer/pictures.js';

export const style = "text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,\"Liberation Mono\",\"DejaVu Sans Mono\",monospace;white-space:pre}\n.paper{fill:#ffffff}\n.f-text{fill:#1f2328}.s-text{stroke:#1f2328}\n.f-event{fill:#0550ae}.s-event{stroke:#0550ae}\n.f-guard{fill:#8250df}.s-guard{stroke:#8250df}\n.f-command{fill:#57606a}.s-command{stroke:#57606a}\n.f-line{fill:#8c959f}.s-line{stroke:#8c959f}\n.f-edge{fill:#57606a}.s-edge{stroke:#57606a}\n.f-box{fill:#ffffff}.s-box{stroke:#ffffff}\n.f-cluster{fill:#f6f8fa}.s-cluster{stroke:#f6f8fa}\n.f-region{fill:#eaeef2}.s-region{stroke:#eaeef2}\n.f-good{fill:#1a7f37}.s-good{stroke:#1a7f37}\n.f-bad{fill:#cf222e}.s-bad{stroke:#cf222e}\n@media (prefers-color-scheme:dark){\n.paper{fill:#0d1117}\n.f-text{fill:#e6edf3}.s-text{stroke:#e6edf3}\n.f-event{fill:#79c0ff}.s-event{stroke:#79c0ff}\n.f-guard{fill:#d2a8ff}.s-guard{stroke:#d2a8ff}\n.f-command{fill:#9da7b3}.s-command{stroke:#9da7b3}\n.f-line{fill:#6e7681}.s-line{stroke:#6e7681}\n.f-edge{fill:#8b949e}.s-edge{stroke:#8b949e}\n.f-box{fill:#0d1117}.s-box{stroke:#0d1117}\n.f-cluster{fill:#161b22}.s-cluster{stroke:#161b22}\n.f-region{fill:#212830}.s-region{stroke:#212830}\n.f-good{fill:#56d364}.s-good{stroke:#56d364}\n.f-bad{fill:#ff7b72}.s-bad{stroke:#ff7b72}\n}";

export const diagrams: Readonly<Record<string, string>> = {
  exchange: "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"887\" height=\"1409\" viewBox=\"0 0 887 1409\" role=\"img\" aria-labelledby=\"title description\">\n<title id=\"title\">The life of an exchange</title>\n<desc id=\"description\">Request, response and shutdown stand side by side while an exchange is active; then its usage is read, its outcome is settled, and it is processed. On each arc: the event, its guard in brackets, and the commands after a slash.</desc>\n<rect class=\"paper\" width=\"100%\" height=\"100%\" rx=\"6\"/>\n<g id=\"graph0\" class=\"graph\" transform=\"scale(1 1) rotate(0) translate(7.2 1402.2)\">\n<g id=\"clust1\" class=\"cluster\">\n<title>active</title>\n<path class=\"f-cluster s-line\" d=\"M20,-670.08C20,-670.08 761,-670.08 761,-670.08 767,-670.08 773,-676.08 773,-682.08 773,-682.08 773,-1375 773,-1375 773,-1381 767,-1387 761,-1387 761,-1387 20,-1387 20,-1387 14,-1387 8,-1381 8,-1375 8,-1375 8,-682.08 8,-682.08 8,-676.08 14,-670.08 20,-670.08\"/>\n<text class=\"f-guard\" x=\"16\" y=\"-1372.9\" font-size=\"12.00\">● </text>\n<text class=\"f-text\" x=\"30.4\" y=\"-1372.9\" font-weight=\"bold\" font-size=\"12.00\">active</text>\n</g>\n<g id=\"clust2\" class=\"cluster\">\n<title>active.request</title>\n<path class=\"f-region s-line\" d=\"M28,-847.36C28,-847.36 371,-847.36 371,-847.36 377,-847.36 383,-853.36 383,-859.36 383,-859.36 383,-1344 383,-1344 383,-1350 377,-1356 371,-1356 371,-1356 28,-1356 28,-1356 22,-1356 16,-1350 16,-1344 16,-1344 16,-859.36 16,-859.36 16,-853.36 22,-847.36 28,-847.36\"/>\n<text class=\"f-text\" x=\"24\" y=\"-1341.9\" font-weight=\"bold\" font-size=\"12.00\">request</text>\n</g>\n<g id=\"clust3\" class=\"cluster\">\n<title>active.request.awaitingRoute</title>\n<path class=\"f-cluster s-line\" d=\"M40,-985.04C40,-985.04 178,-985.04 178,-985.04 184,-985.04 190,-991.04 190,-997.04 190,-997.04 190,-1137.32 190,-1137.32 190,-1143.32 184,-1149.32 178,-1149.32 178,-1149.32 40,-1149.32 40,-1149.32 34,-1149.32 28,-1143.32 28,-1137.32 28,-1137.32 28,-997.04 28,-997.04 28,-991.04 34,-985.04 40,-985.04\"/>\n<text class=\"f-text\" x=\"36\" y=\"-1135.22\" font-weight=\"bold\" font-size=\"12.00\">awaitingRoute</text>\n</g>\n<g id=\"clust4\" class=\"cluster\">\n<title>active.response</title>\n<path class=\"f-region s-line\" d=\"M403,-678.08C403,-678.08 753,-678.08 753,-678.08 759,-678.08 765,-684.08 765,-690.08 765,-690.08 765,-1344 765,-1344 765,-1350 759,-1356 753,-1356 753,-1356 403,-1356 403,-1356 397,-1356 391,-1350 391,-1344 391,-1344 391,-690.08 391,-690.08 391,-684.08 397,-678.08 403,-678.08\"/>\n<text class=\"f-text\" x=\"399\" y=\"-1341.9\" font-weight=\"bold\" font-size=\"12.00\">response</text>\n</g>\n<g id=\"clust5\" class=\"cluster\">\n<title>active.response.started</title>\n<path class=\"f-cluster s-line\" d=\"M433,-686.08C433,-686.08 745,-686.08 745,-686.08 751,-686.08 757,-692.08 757,-698.08 757,-698.08 757,-1177.4 757,-1177.4 757,-1183.4 751,-1189.4 745,-1189.4 745,-1189.4 433,-1189.4 433,-1189.4 427,-1189.4 421,-1183.4 421,-1177.4 421,-1177.4 421,-698.08 421,-698.08 421,-692.08 427,-686.08 433,-686.08\"/>\n<text class=\"f-text\" x=\"429\" y=\"-1175.3\" font-weight=\"bold\" font-size=\"12.00\">started</text>\n</g>\n<g id=\"clust6\" class=\"cluster\">\n<title>active.response.started.body</title>\n<path class=\"f-region s-line\" d=\"M441,-838.28C441,-838.28 737,-838.28 737,-838.28 743,-838.28 749,-844.28 749,-850.28 749,-850.28 749,-1146.4 749,-1146.4 749,-1152.4 743,-1158.4 737,-1158.4 737,-1158.4 441,-1158.4 441,-1158.4 435,-1158.4 429,-1152.4 429,-1146.4 429,-1146.4 429,-850.28 429,-850.28 429,-844.28 435,-838.28 441,-838.28\"/>\n<text class=\"f-text\" x=\"437\" y=\"-1144.3\" font-weight=\"bold\" font-size=\"12.00\">body</text>\n</g>\n<g id=\"clust7\" class=\"cluster\">\n<title>active.response.started.flow</title>\n<path class=\"f-region s-line\" d=\"M467,-694.08C467,-694.08 711,-694.08 711,-694.08 717,-694.08 723,-700.08 723,-706.08 723,-706.08 723,-818.28 723,-818.28 723,-824.28 717,-830.28 711,-830.28 711,-830.28 467,-830.28 467,-830.28 461,-830.28 455,-824.28 455,-818.28 455,-818.28 455,-706.08 455,-706.08 455,-700.08 461,-694.08 467,-694.08\"/>\n<text class=\"f-text\" x=\"463\" y=\"-816.18\" font-weight=\"bold\" font-size=\"12.00\">flow</text>\n</g>\n<g id=\"clust8\" class=\"cluster\">\n<title>active.shutdown</title>\n<path class=\"f-region s-line\" d=\"M287,-694.08C287,-694.08 371,-694.08 371,-694.08 377,-694.08 383,-700.08 383,-706.08 383,-706.08 383,-818.28 383,-818.28 383,-824.28 377,-830.28 371,-830.28 371,-830.28 287,-830.28 287,-830.28 281,-830.28 275,-824.28 275,-818.28 275,-818.28 275,-706.08 275,-706.08 275,-700.08 281,-694.08 287,-694.08\"/>\n<text class=\"f-text\" x=\"283\" y=\"-816.18\" font-weight=\"bold\" font-size=\"12.00\">shutdown</text>\n</g>\n<g id=\"clust9\" class=\"cluster\">\n<title>detached</title>\n<path class=\"f-cluster s-line\" d=\"M659,-427.28C659,-427.28 823,-427.28 823,-427.28 829,-427.28 835,-433.28 835,-439.28 835,-439.28 835,-627.08 835,-627.08 835,-633.08 829,-639.08 823,-639.08 823,-639.08 659,-639.08 659,-639.08 653,-639.08 647,-633.08 647,-627.08 647,-627.08 647,-439.28 647,-439.28 647,-433.28 653,-427.28 659,-427.28\"/>\n<text class=\"f-text\" x=\"655\" y=\"-624.98\" font-weight=\"bold\" font-size=\"12.00\">detached</text>\n</g>\n<g id=\"node1\" class=\"node\">\n<title>active.request.awaitingHeaders</title>\n<path class=\"f-box s-line\" d=\"M182.77,-1325C182.77,-1325 63.23,-1325 63.23,-1325 59.63,-1325 56.03,-1321.4 56.03,-1317.8 56.03,-1317.8 56.03,-1310.6 56.03,-1310.6 56.03,-1307 59.63,-1303.4 63.23,-1303.4 63.23,-1303.4 182.77,-1303.4 182.77,-1303.4 186.37,-1303.4 189.97,-1307 189.97,-1310.6 189.97,-1310.6 189.97,-1317.8 189.97,-1317.8 189.97,-1321.4 186.37,-1325 182.77,-1325\"/>\n<text class=\"f-guard\" x=\"61.79\" y=\"-1311.6\" font-size=\"12.00\">● </text>\n<text class=\"f-text\" x=\"76.19\" y=\"-1311.6\" font-weight=\"bold\" font-size=\"12.00\">awaitingHeaders</text>\n</g>\n<g id=\"node7\" class=\"node\">\n<title>active.request.awaitingHeaders to active.request.awaitingRoute.receiving</title>\n<text class=\"f-event\" x=\"70.19\" y=\"-1242.1\" font-size=\"11.00\">request.headers</text>\n</g>\n<g id=\"edge3\" class=\"edge\">\n<title>active.request.awaitingHeaders&#45;&gt;active.request.awaitingHeaders to active.request.awaitingRoute.receiving</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M123,-1302.9C123,-1288.68 123,-1263.44 123,-1251.72\"/>\n</g>\n<g id=\"node2\" class=\"node\">\n<title>active.request.awaitingRoute.receiving</title>\n<path class=\"f-box s-line\" d=\"M161.17,-1118.32C161.17,-1118.32 84.83,-1118.32 84.83,-1118.32 81.23,-1118.32 77.63,-1114.72 77.63,-1111.12 77.63,-1111.12 77.63,-1103.92 77.63,-1103.92 77.63,-1100.32 81.23,-1096.72 84.83,-1096.72 84.83,-1096.72 161.17,-1096.72 161.17,-1096.72 164.77,-1096.72 168.37,-1100.32 168.37,-1103.92 168.37,-1103.92 168.37,-1111.12 168.37,-1111.12 168.37,-1114.72 164.77,-1118.32 161.17,-1118.32\"/>\n<text class=\"f-guard\" x=\"83.39\" y=\"-1104.92\" font-size=\"12.00\">● </text>\n<text class=\"f-text\" x=\"97.8\" y=\"-1104.92\" font-weight=\"bold\" font-size=\"12.00\">receiving</text>\n</g>\n<g id=\"node4\" class=\"node\">\n<title>active.request.awaitingRoute.receiving to active.request.awaitingRoute.received</title>\n<text class=\"f-event\" x=\"36.39\" y=\"-1065.84\" font-size=\"11.00\">request.end</text>\n<text class=\"f-event\" x=\"36.39\" y=\"-1046.84\" font-size=\"11.00\">request.trailers</text>\n<text class=\"f-command\" x=\"36.39\" y=\"-1031.84\" font-size=\"11.00\">/ holdRequestTrailers</text>\n</g>\n<g id=\"edge1\" class=\"edge\">\n<title>active.request.awaitingRoute.receiving&#45;&gt;active.request.awaitingRoute.receiving to active.request.awaitingRoute.received</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M120.37,-1096.29C118.85,-1090.38 116.87,-1082.7 114.99,-1075.4\"/>\n</g>\n<g id=\"node8\" class=\"node\">\n<title>active.request.awaitingRoute.receiving to active.request.awaitingBody</title>\n<text class=\"f-event\" x=\"203.49\" y=\"-1063.84\" font-size=\"11.00\">request.routed</text>\n<text class=\"f-command\" x=\"203.49\" y=\"-1048.84\" font-size=\"11.00\">/ forwardRequestHeaders,</text>\n<text class=\"f-command\" x=\"203.49\" y=\"-1033.84\" font-size=\"11.00\"> &#160;forwardHeldRequest</text>\n</g>\n<g id=\"edge5\" class=\"edge\">\n<title>active.request.awaitingRoute.receiving&#45;&gt;active.request.awaitingRoute.receiving to active.request.awaitingBody</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M153.66,-1096.29C172.84,-1089.89 198.28,-1081.41 221.72,-1073.58\"/>\n</g>\n<g id=\"node3\" class=\"node\">\n<title>active.request.awaitingRoute.received</title>\n<path class=\"f-box s-line\" d=\"M138.97,-1014.64C138.97,-1014.64 77.03,-1014.64 77.03,-1014.64 73.43,-1014.64 69.83,-1011.04 69.83,-1007.44 69.83,-1007.44 69.83,-1000.24 69.83,-1000.24 69.83,-996.64 73.43,-993.04 77.03,-993.04 77.03,-993.04 138.97,-993.04 138.97,-993.04 142.57,-993.04 146.17,-996.64 146.17,-1000.24 146.17,-1000.24 146.17,-1007.44 146.17,-1007.44 146.17,-1011.04 142.57,-1014.64 138.97,-1014.64\"/>\n<text class=\"f-text\" x=\"75.59\" y=\"-1001.24\" font-weight=\"bold\" font-size=\"12.00\">received</text>\n</g>\n<g id=\"node9\" class=\"node\">\n<title>active.request.awaitingRoute.received to active.request.ended</title>\n<text class=\"f-event\" x=\"24.49\" y=\"-957.74\" font-size=\"11.00\">request.routed</text>\n<text class=\"f-command\" x=\"24.49\" y=\"-942.74\" font-size=\"11.00\">/ forwardRequestHeaders,</text>\n<text class=\"f-command\" x=\"24.49\" y=\"-927.74\" font-size=\"11.00\"> &#160;forwardHeldRequest,</text>\n<text class=\"f-command\" x=\"24.49\" y=\"-912.74\" font-size=\"11.00\"> &#160;endRequest</text>\n</g>\n<g id=\"edge7\" class=\"edge\">\n<title>active.request.awaitingRoute.received&#45;&gt;active.request.awaitingRoute.received to active.request.ended</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M107.84,-992.79C107.74,-985.94 107.59,-976.49 107.45,-967.4\"/>\n</g>\n<g id=\"edge2\" class=\"edge\">\n<title>active.request.awaitingRoute.receiving to active.request.awaitingRoute.received&#45;&gt;active.request.awaitingRoute.received</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M108.48,-1026.69C108.46,-1025.53 108.43,-1024.37 108.41,-1023.22\"/>\n<polygon class=\"f-edge s-edge\" points=\"110.86,-1023.38 108.26,-1016.43 105.96,-1023.49 110.86,-1023.38\"/>\n</g>\n<g id=\"node5\" class=\"node\">\n<title>active.request.awaitingBody</title>\n<path class=\"f-box s-line\" d=\"M332.37,-1014.64C332.37,-1014.64 241.63,-1014.64 241.63,-1014.64 238.03,-1014.64 234.43,-1011.04 234.43,-1007.44 234.43,-1007.44 234.43,-1000.24 234.43,-1000.24 234.43,-996.64 238.03,-993.04 241.63,-993.04 241.63,-993.04 332.37,-993.04 332.37,-993.04 335.97,-993.04 339.57,-996.64 339.57,-1000.24 339.57,-1000.24 339.57,-1007.44 339.57,-1007.44 339.57,-1011.04 335.97,-1014.64 332.37,-1014.64\"/>\n<text class=\"f-text\" x=\"240.19\" y=\"-1001.24\" font-weight=\"bold\" font-size=\"12.00\">awaitingBody</text>\n</g>\n<g id=\"node10\" class=\"node\">\n<title>active.request.awaitingBody to active.request.ended</title>\n<text class=\"f-event\" x=\"203.19\" y=\"-967.24\" font-size=\"11.00\">request.end</text>\n<text class=\"f-command\" x=\"203.19\" y=\"-952.24\" font-size=\"11.00\">/ endRequest</text>\n<text class=\"f-event\" x=\"203.19\" y=\"-933.24\" font-size=\"11.00\">request.trailers</text>\n<text class=\"f-command\" x=\"203.19\" y=\"-918.24\" font-size=\"11.00\">/ forwardRequestTrailers,</text>\n<text class=\"f-command\" x=\"203.19\" y=\"-903.24\" font-size=\"11.00\"> &#160;endRequest</text>\n</g>\n<g id=\"edge9\" class=\"edge\">\n<title>active.request.awaitingBody&#45;&gt;active.request.awaitingBody to active.request.ended</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M287.31,-992.79C287.45,-988.34 287.62,-982.8 287.8,-976.96\"/>\n</g>\n<g id=\"node6\" class=\"node\">\n<title>active.request.ended</title>\n<path class=\"f-box s-line\" d=\"M327.16,-876.96C327.16,-876.96 286.84,-876.96 286.84,-876.96 283.24,-876.96 279.64,-873.36 279.64,-869.76 279.64,-869.76 279.64,-862.56 279.64,-862.56 279.64,-858.96 283.24,-855.36 286.84,-855.36 286.84,-855.36 327.16,-855.36 327.16,-855.36 330.76,-855.36 334.36,-858.96 334.36,-862.56 334.36,-862.56 334.36,-869.76 334.36,-869.76 334.36,-873.36 330.76,-876.96 327.16,-876.96\"/>\n<text class=\"f-text\" x=\"285.4\" y=\"-863.56\" font-weight=\"bold\" font-size=\"12.00\">ended</text>\n</g>\n<g id=\"node24\" class=\"node\">\n<title>active.shutdown.running</title>\n<path class=\"f-box s-line\" d=\"M355.97,-799.28C355.97,-799.28 294.03,-799.28 294.03,-799.28 290.43,-799.28 286.83,-795.68 286.83,-792.08 286.83,-792.08 286.83,-784.88 286.83,-784.88 286.83,-781.28 290.43,-777.68 294.03,-777.68 294.03,-777.68 355.97,-777.68 355.97,-777.68 359.57,-777.68 363.17,-781.28 363.17,-784.88 363.17,-784.88 363.17,-792.08 363.17,-792.08 363.17,-795.68 359.57,-799.28 355.97,-799.28\"/>\n<text class=\"f-guard\" x=\"292.59\" y=\"-785.88\" font-size=\"12.00\">● </text>\n<text class=\"f-text\" x=\"307\" y=\"-785.88\" font-weight=\"bold\" font-size=\"12.00\">running</text>\n</g>\n<g id=\"node27\" class=\"node\">\n<title>detached.awaitingHeaders</title>\n<path class=\"f-box s-line\" d=\"M809.77,-608.08C809.77,-608.08 690.23,-608.08 690.23,-608.08 686.63,-608.08 683.03,-604.48 683.03,-600.88 683.03,-600.88 683.03,-593.68 683.03,-593.68 683.03,-590.08 686.63,-586.48 690.23,-586.48 690.23,-586.48 809.77,-586.48 809.77,-586.48 813.37,-586.48 816.97,-590.08 816.97,-593.68 816.97,-593.68 816.97,-600.88 816.97,-600.88 816.97,-604.48 813.37,-608.08 809.77,-608.08\"/>\n<text class=\"f-guard\" x=\"688.79\" y=\"-594.68\" font-size=\"12.00\">● </text>\n<text class=\"f-text\" x=\"703.19\" y=\"-594.68\" font-weight=\"bold\" font-size=\"12.00\">awaitingHeaders</text>\n</g>\n<g id=\"edge4\" class=\"edge\">\n<title>active.request.awaitingHeaders to active.request.awaitingRoute.receiving&#45;&gt;active.request.awaitingRoute.receiving</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M123,-1237.25C123,-1217.83 123,-1157.27 123,-1126.65\"/>\n<polygon class=\"f-edge s-edge\" points=\"125.45,-1127.03 123,-1120.03 120.55,-1127.03 125.45,-1127.03\"/>\n</g>\n<g id=\"edge6\" class=\"edge\">\n<title>active.request.awaitingRoute.receiving to active.request.awaitingBody&#45;&gt;active.request.awaitingBody</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M286.47,-1028.82C286.51,-1027.03 286.55,-1025.23 286.59,-1023.46\"/>\n<polygon class=\"f-edge s-edge\" points=\"289.03,-1023.68 286.74,-1016.63 284.14,-1023.57 289.03,-1023.68\"/>\n</g>\n<g id=\"edge8\" class=\"edge\">\n<title>active.request.awaitingRoute.received to active.request.ended&#45;&gt;active.request.ended</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M170.75,-907.72C179.17,-904.28 187.75,-900.96 196,-898.04 220.75,-889.29 249.29,-881.4 271.24,-875.78\"/>\n<polygon class=\"f-edge s-edge\" points=\"271.65,-878.2 277.84,-874.11 270.45,-873.45 271.65,-878.2\"/>\n</g>\n<g id=\"edge10\" class=\"edge\">\n<title>active.request.awaitingBody to active.request.ended&#45;&gt;active.request.ended</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M298.95,-898.2C300.11,-893.7 301.26,-889.29 302.3,-885.27\"/>\n<polygon class=\"f-edge s-edge\" points=\"304.63,-886.06 304.01,-878.67 299.88,-884.83 304.63,-886.06\"/>\n</g>\n<g id=\"node11\" class=\"node\">\n<title>active.response.awaitingHeaders</title>\n<path class=\"f-box s-line\" d=\"M637.77,-1325C637.77,-1325 518.23,-1325 518.23,-1325 514.63,-1325 511.03,-1321.4 511.03,-1317.8 511.03,-1317.8 511.03,-1310.6 511.03,-1310.6 511.03,-1307 514.63,-1303.4 518.23,-1303.4 518.23,-1303.4 637.77,-1303.4 637.77,-1303.4 641.37,-1303.4 644.97,-1307 644.97,-1310.6 644.97,-1310.6 644.97,-1317.8 644.97,-1317.8 644.97,-1321.4 641.37,-1325 637.77,-1325\"/>\n<text class=\"f-guard\" x=\"516.79\" y=\"-1311.6\" font-size=\"12.00\">● </text>\n<text class=\"f-text\" x=\"531.19\" y=\"-1311.6\" font-weight=\"bold\" font-size=\"12.00\">awaitingHeaders</text>\n</g>\n<g id=\"node22\" class=\"node\">\n<title>active.response.awaitingHeaders to active.response.started.body.awaitingFirstByte</title>\n<text class=\"f-event\" x=\"585.19\" y=\"-1257.1\" font-size=\"11.00\">response.headers</text>\n<text class=\"f-guard\" x=\"697.4\" y=\"-1257.1\" font-size=\"11.00\">[success]</text>\n<text class=\"f-command\" x=\"585.19\" y=\"-1242.1\" font-size=\"11.00\">/ forwardResponseHeaders,</text>\n<text class=\"f-command\" x=\"585.19\" y=\"-1227.1\" font-size=\"11.00\"> &#160;openBuffer</text>\n</g>\n<g id=\"edge21\" class=\"edge\">\n<title>active.response.awaitingHeaders&#45;&gt;active.response.awaitingHeaders to active.response.started.body.awaitingFirstByte</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M592.12,-1302.9C605.23,-1293.35 625.16,-1278.82 641.7,-1266.76\"/>\n</g>\n<g id=\"node23\" class=\"node\">\n<title>active.response.awaitingHeaders to active.response.started.body.awaitingErrorBody</title>\n<text class=\"f-event\" x=\"399.19\" y=\"-1281.6\" font-size=\"11.00\">response.headers</text>\n<text class=\"f-guard\" x=\"511.4\" y=\"-1281.6\" font-size=\"11.00\">[refusal]</text>\n<text class=\"f-command\" x=\"399.19\" y=\"-1266.6\" font-size=\"11.00\">/ forwardResponseHeaders</text>\n<text class=\"f-text\" x=\"399.19\" y=\"-1251.6\" font-size=\"11.00\">→ refused</text>\n<text class=\"f-event\" x=\"399.19\" y=\"-1232.6\" font-size=\"11.00\">response.headers</text>\n<text class=\"f-guard\" x=\"511.4\" y=\"-1232.6\" font-size=\"11.00\">[else]</text>\n<text class=\"f-command\" x=\"399.19\" y=\"-1217.6\" font-size=\"11.00\">/ forwardResponseHeaders</text>\n<text class=\"f-text\" x=\"399.19\" y=\"-1202.6\" font-size=\"11.00\">→ failed</text>\n</g>\n<g id=\"edge23\" class=\"edge\">\n<title>active.response.awaitingHeaders&#45;&gt;active.response.awaitingHeaders to active.response.started.body.awaitingErrorBody</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M563.88,-1302.9C559.2,-1299.49 553.66,-1295.45 547.71,-1291.12\"/>\n</g>\n<g id=\"node12\" class=\"node\">\n<title>active.response.started.body.awaitingFirstByte</title>\n<path class=\"f-box s-line\" d=\"M733.97,-1118.32C733.97,-1118.32 600.03,-1118.32 600.03,-1118.32 596.43,-1118.32 592.83,-1114.72 592.83,-1111.12 592.83,-1111.12 592.83,-1103.92 592.83,-1103.92 592.83,-1100.32 596.43,-1096.72 600.03,-1096.72 600.03,-1096.72 733.97,-1096.72 733.97,-1096.72 737.57,-1096.72 741.17,-1100.32 741.17,-1103.92 741.17,-1103.92 741.17,-1111.12 741.17,-1111.12 741.17,-1114.72 737.57,-1118.32 733.97,-1118.32\"/>\n<text class=\"f-guard\" x=\"598.59\" y=\"-1104.92\" font-size=\"12.00\">● </text>\n<text class=\"f-text\" x=\"612.99\" y=\"-1104.92\" font-weight=\"bold\" font-size=\"12.00\">awaitingFirstByte</text>\n</g>\n<g id=\"node16\" class=\"node\">\n<title>active.response.started.body.awaitingFirstByte to active.response.started.body.awaitingBody</title>\n<text class=\"f-event\" x=\"584.09\" y=\"-1063.84\" font-size=\"11.00\">response.body</text>\n<text class=\"f-guard\" x=\"676.5\" y=\"-1063.84\" font-size=\"11.00\">[else]</text>\n<text class=\"f-command\" x=\"584.09\" y=\"-1048.84\" font-size=\"11.00\">/ forwardResponseBody,</text>\n<text class=\"f-command\" x=\"584.09\" y=\"-1033.84\" font-size=\"11.00\"> &#160;bufferResponseBody</text>\n</g>\n<g id=\"edge11\" class=\"edge\">\n<title>active.response.started.body.awaitingFirstByte&#45;&gt;active.response.started.body.awaitingFirstByte to active.response.started.body.awaitingBody</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M665.68,-1096.29C664.86,-1089.89 663.77,-1081.41 662.76,-1073.58\"/>\n</g>\n<g id=\"node13\" class=\"node\">\n<title>active.response.started.body.awaitingBody</title>\n<path class=\"f-box s-line\" d=\"M695.37,-1014.64C695.37,-1014.64 604.63,-1014.64 604.63,-1014.64 601.03,-1014.64 597.43,-1011.04 597.43,-1007.44 597.43,-1007.44 597.43,-1000.24 597.43,-1000.24 597.43,-996.64 601.03,-993.04 604.63,-993.04 604.63,-993.04 695.37,-993.04 695.37,-993.04 698.97,-993.04 702.57,-996.64 702.57,-1000.24 702.57,-1000.24 702.57,-1007.44 702.57,-1007.44 702.57,-1011.04 698.97,-1014.64 695.37,-1014.64\"/>\n<text class=\"f-text\" x=\"603.19\" y=\"-1001.24\" font-weight=\"bold\" font-size=\"12.00\">awaitingBody</text>\n</g>\n<g id=\"node17\" class=\"node\">\n<title>active.response.started.body.awaitingBody to active.response.started.body.awaitingEnd</title>\n<text class=\"f-event\" x=\"549.28\" y=\"-959.74\" font-size=\"11.00\">response.terminal</text>\n<text class=\"f-guard\" x=\"668.1\" y=\"-959.74\" font-size=\"11.00\">[succeeded]</text>\n<text class=\"f-text\" x=\"549.28\" y=\"-944.74\" font-size=\"11.00\">→ succeeded</text>\n<text class=\"f-event\" x=\"549.28\" y=\"-925.74\" font-size=\"11.00\">response.terminal</text>\n<text class=\"f-guard\" x=\"668.1\" y=\"-925.74\" font-size=\"11.00\">[else]</text>\n<text class=\"f-text\" x=\"549.28\" y=\"-910.74\" font-size=\"11.00\">→ failed</text>\n</g>\n<g id=\"edge13\" class=\"edge\">\n<title>active.response.started.body.awaitingBody&#45;&gt;active.response.started.body.awaitingBody to active.response.started.body.awaitingEnd</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M649.22,-992.79C648.72,-986.44 648.06,-977.84 647.4,-969.37\"/>\n</g>\n<g id=\"node14\" class=\"node\">\n<title>active.response.started.body.awaitingEnd</title>\n<path class=\"f-box s-line\" d=\"M707.17,-886.04C707.17,-886.04 582.83,-886.04 582.83,-886.04 576.83,-886.04 570.83,-880.04 570.83,-874.04 570.83,-874.04 570.83,-858.28 570.83,-858.28 570.83,-852.28 576.83,-846.28 582.83,-846.28 582.83,-846.28 707.17,-846.28 707.17,-846.28 713.17,-846.28 719.17,-852.28 719.17,-858.28 719.17,-858.28 719.17,-874.04 719.17,-874.04 719.17,-880.04 713.17,-886.04 707.17,-886.04\"/>\n<text class=\"f-text\" x=\"576.59\" y=\"-873.06\" font-weight=\"bold\" font-size=\"12.00\">awaitingEnd</text>\n<text class=\"f-command\" x=\"576.59\" y=\"-854.06\" font-size=\"12.00\">succeeded · failed</text>\n</g>\n<g id=\"node18\" class=\"node\">\n<title>active.response.started.flow.flowing</title>\n<path class=\"f-box s-line\" d=\"M607.97,-799.28C607.97,-799.28 546.03,-799.28 546.03,-799.28 542.43,-799.28 538.83,-795.68 538.83,-792.08 538.83,-792.08 538.83,-784.88 538.83,-784.88 538.83,-781.28 542.43,-777.68 546.03,-777.68 546.03,-777.68 607.97,-777.68 607.97,-777.68 611.57,-777.68 615.17,-781.28 615.17,-784.88 615.17,-784.88 615.17,-792.08 615.17,-792.08 615.17,-795.68 611.57,-799.28 607.97,-799.28\"/>\n<text class=\"f-guard\" x=\"544.59\" y=\"-785.88\" font-size=\"12.00\">● </text>\n<text class=\"f-text\" x=\"559\" y=\"-785.88\" font-weight=\"bold\" font-size=\"12.00\">flowing</text>\n</g>\n<g id=\"node15\" class=\"node\">\n<title>active.response.started.body.awaitingErrorBody</title>\n<path class=\"f-box s-line\" d=\"M566.57,-1127.4C566.57,-1127.4 449.43,-1127.4 449.43,-1127.4 443.43,-1127.4 437.43,-1121.4 437.43,-1115.4 437.43,-1115.4 437.43,-1099.64 437.43,-1099.64 437.43,-1093.64 443.43,-1087.64 449.43,-1087.64 449.43,-1087.64 566.57,-1087.64 566.57,-1087.64 572.57,-1087.64 578.57,-1093.64 578.57,-1099.64 578.57,-1099.64 578.57,-1115.4 578.57,-1115.4 578.57,-1121.4 572.57,-1127.4 566.57,-1127.4\"/>\n<text class=\"f-text\" x=\"443.19\" y=\"-1114.42\" font-weight=\"bold\" font-size=\"12.00\">awaitingErrorBody</text>\n<text class=\"f-command\" x=\"443.19\" y=\"-1095.42\" font-size=\"12.00\">refused · failed</text>\n</g>\n<g id=\"edge12\" class=\"edge\">\n<title>active.response.started.body.awaitingFirstByte to active.response.started.body.awaitingBody&#45;&gt;active.response.started.body.awaitingBody</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M655.29,-1028.82C654.86,-1026.88 654.43,-1024.93 654.01,-1023.02\"/>\n<polygon class=\"f-edge s-edge\" points=\"656.5,-1022.9 652.59,-1016.59 651.71,-1023.95 656.5,-1022.9\"/>\n</g>\n<g id=\"edge14\" class=\"edge\">\n<title>active.response.started.body.awaitingBody to active.response.started.body.awaitingEnd&#45;&gt;active.response.started.body.awaitingEnd</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M645,-905.91C645,-902.15 645,-898.33 645,-894.62\"/>\n<polygon class=\"f-edge s-edge\" points=\"647.45,-894.78 645,-887.78 642.55,-894.78 647.45,-894.78\"/>\n</g>\n<g id=\"node20\" class=\"node\">\n<title>active.response.started.flow.flowing to active.response.started.flow.blocked</title>\n<text class=\"f-event\" x=\"463.29\" y=\"-755.88\" font-size=\"11.00\">downstream.blocked</text>\n<text class=\"f-command\" x=\"463.29\" y=\"-740.88\" font-size=\"11.00\">/ pauseUpstream</text>\n</g>\n<g id=\"edge15\" class=\"edge\">\n<title>active.response.started.flow.flowing&#45;&gt;active.response.started.flow.flowing to active.response.started.flow.blocked</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M562.52,-777.32C557.34,-773.68 551.4,-769.51 545.85,-765.61\"/>\n</g>\n<g id=\"node21\" class=\"node\">\n<title>active.response.started.flow.blocked to active.response.started.flow.flowing</title>\n<text class=\"f-event\" x=\"602.89\" y=\"-755.88\" font-size=\"11.00\">downstream.ready</text>\n<text class=\"f-command\" x=\"602.89\" y=\"-740.88\" font-size=\"11.00\">/ resumeUpstream</text>\n</g>\n<g id=\"edge17\" class=\"edge\">\n<title>active.response.started.flow.flowing&#45;&gt;active.response.started.flow.blocked to active.response.started.flow.flowing</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M607.97,-773.96C614.22,-771.23 620.81,-768.35 627.09,-765.61\"/>\n<polygon class=\"f-edge s-edge\" points=\"607.1,-771.67 601.67,-776.71 609.06,-776.16 607.1,-771.67\"/>\n</g>\n<g id=\"node19\" class=\"node\">\n<title>active.response.started.flow.blocked</title>\n<path class=\"f-box s-line\" d=\"M619.36,-723.68C619.36,-723.68 564.64,-723.68 564.64,-723.68 561.04,-723.68 557.44,-720.08 557.44,-716.48 557.44,-716.48 557.44,-709.28 557.44,-709.28 557.44,-705.68 561.04,-702.08 564.64,-702.08 564.64,-702.08 619.36,-702.08 619.36,-702.08 622.96,-702.08 626.56,-705.68 626.56,-709.28 626.56,-709.28 626.56,-716.48 626.56,-716.48 626.56,-720.08 622.96,-723.68 619.36,-723.68\"/>\n<text class=\"f-text\" x=\"563.2\" y=\"-710.28\" font-weight=\"bold\" font-size=\"12.00\">blocked</text>\n</g>\n<g id=\"edge16\" class=\"edge\">\n<title>active.response.started.flow.flowing to active.response.started.flow.blocked&#45;&gt;active.response.started.flow.blocked</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M551.71,-735.74C556.46,-733.16 561.42,-730.47 566.17,-727.89\"/>\n<polygon class=\"f-edge s-edge\" points=\"567.1,-730.18 572.08,-724.68 564.76,-725.87 567.1,-730.18\"/>\n</g>\n<g id=\"edge18\" class=\"edge\">\n<title>active.response.started.flow.blocked to active.response.started.flow.flowing&#45;&gt;active.response.started.flow.blocked</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M632.9,-735.74C625.56,-731.81 617.71,-727.62 610.87,-723.96\"/>\n</g>\n<g id=\"edge22\" class=\"edge\">\n<title>active.response.awaitingHeaders to active.response.started.body.awaitingFirstByte&#45;&gt;active.response.started.body.awaitingFirstByte</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M670.37,-1222.03C669.59,-1195.81 668.28,-1151.81 667.55,-1126.99\"/>\n<polygon class=\"f-edge s-edge\" points=\"670,-1126.94 667.34,-1120.01 665.1,-1127.08 670,-1126.94\"/>\n</g>\n<g id=\"edge24\" class=\"edge\">\n<title>active.response.awaitingHeaders to active.response.started.body.awaitingErrorBody&#45;&gt;active.response.started.body.awaitingErrorBody</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M492.79,-1197.74C496.28,-1177.24 500.29,-1153.75 503.31,-1136.01\"/>\n<polygon class=\"f-edge s-edge\" points=\"505.69,-1136.61 504.46,-1129.3 500.86,-1135.79 505.69,-1136.61\"/>\n</g>\n<g id=\"node26\" class=\"node\">\n<title>active.shutdown.running to active.shutdown.draining</title>\n<text class=\"f-event\" x=\"282.79\" y=\"-748.38\" font-size=\"11.00\">drain.started</text>\n</g>\n<g id=\"edge25\" class=\"edge\">\n<title>active.shutdown.running&#45;&gt;active.shutdown.running to active.shutdown.draining</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M326.14,-777.32C326.84,-771.03 327.72,-763.17 328.31,-757.82\"/>\n</g>\n<g id=\"node25\" class=\"node\">\n<title>active.shutdown.draining</title>\n<path class=\"f-box s-line\" d=\"M367.97,-723.68C367.97,-723.68 306.03,-723.68 306.03,-723.68 302.43,-723.68 298.83,-720.08 298.83,-716.48 298.83,-716.48 298.83,-709.28 298.83,-709.28 298.83,-705.68 302.43,-702.08 306.03,-702.08 306.03,-702.08 367.97,-702.08 367.97,-702.08 371.57,-702.08 375.17,-705.68 375.17,-709.28 375.17,-709.28 375.17,-716.48 375.17,-716.48 375.17,-720.08 371.57,-723.68 367.97,-723.68\"/>\n<text class=\"f-text\" x=\"304.59\" y=\"-710.28\" font-weight=\"bold\" font-size=\"12.00\">draining</text>\n</g>\n<g id=\"node32\" class=\"node\">\n<title>reading</title>\n<path class=\"f-box s-line\" d=\"M683.98,-419.28C683.98,-419.28 394.02,-419.28 394.02,-419.28 388.02,-419.28 382.02,-413.28 382.02,-407.28 382.02,-407.28 382.02,-372.52 382.02,-372.52 382.02,-366.52 388.02,-360.52 394.02,-360.52 394.02,-360.52 683.98,-360.52 683.98,-360.52 689.98,-360.52 695.98,-366.52 695.98,-372.52 695.98,-372.52 695.98,-407.28 695.98,-407.28 695.98,-413.28 689.98,-419.28 683.98,-419.28\"/>\n<text class=\"f-text\" x=\"387.78\" y=\"-406.3\" font-weight=\"bold\" font-size=\"12.00\">reading</text>\n<text class=\"f-text\" x=\"387.78\" y=\"-387.3\" font-size=\"12.00\">ended &#160;</text>\n<text class=\"f-event\" x=\"459.79\" y=\"-387.3\" font-size=\"12.00\">response.end, response.trailers</text>\n<text class=\"f-text\" x=\"387.78\" y=\"-368.3\" font-size=\"12.00\">unended &#160;</text>\n<text class=\"f-event\" x=\"459.79\" y=\"-368.3\" font-size=\"12.00\">transport.closed</text>\n</g>\n<g id=\"edge36\" class=\"edge\">\n<title>active.shutdown.draining&#45;&gt;reading</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M365.21,-670.08C376.55,-649.4 387,-623.5 387,-598.28 387,-598.28 387,-598.28 387,-482.88 387,-456.46 404.01,-437.43 426.65,-423.79\"/>\n<polygon class=\"f-edge s-edge\" points=\"427.64,-426.05 432.53,-420.48 425.23,-421.78 427.64,-426.05\"/>\n</g>\n<g id=\"node33\" class=\"node\">\n<title>settling</title>\n<path class=\"f-box s-line\" d=\"M860.41,-348.52C860.41,-348.52 217.59,-348.52 217.59,-348.52 211.59,-348.52 205.59,-342.52 205.59,-336.52 205.59,-336.52 205.59,-82.76 205.59,-82.76 205.59,-76.76 211.59,-70.76 217.59,-70.76 217.59,-70.76 860.41,-70.76 860.41,-70.76 866.41,-70.76 872.41,-76.76 872.41,-82.76 872.41,-82.76 872.41,-336.52 872.41,-336.52 872.41,-342.52 866.41,-348.52 860.41,-348.52\"/>\n<text class=\"f-text\" x=\"211.35\" y=\"-335.54\" font-weight=\"bold\" font-size=\"12.00\">settling</text>\n<text class=\"f-text\" x=\"211.35\" y=\"-316.54\" font-size=\"12.00\">completed &#160;</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-316.54\" font-size=\"12.00\">response.end, response.trailers, downstream.closed, transport.closed,</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-301.54\" font-size=\"12.00\">deadline.expired, response.terminal [succeeded], usage.read</text>\n<text class=\"f-text\" x=\"211.35\" y=\"-282.54\" font-size=\"12.00\">rejected &#160;</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-282.54\" font-size=\"12.00\">request.refused, response.end, response.trailers, downstream.closed,</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-267.54\" font-size=\"12.00\">transport.closed</text>\n<text class=\"f-text\" x=\"211.35\" y=\"-248.54\" font-size=\"12.00\">cancelled &#160;</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-248.54\" font-size=\"12.00\">downstream.closed, deadline.expired, upstream.failed, transport.closed,</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-233.54\" font-size=\"12.00\">gateway.failed, drain.started, response.headers, response.body,</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-218.54\" font-size=\"12.00\">response.end, response.trailers</text>\n<text class=\"f-text\" x=\"211.35\" y=\"-199.54\" font-size=\"12.00\">upstreamFailed &#160;</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-199.54\" font-size=\"12.00\">upstream.failed, response.end, response.trailers, downstream.closed,</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-184.54\" font-size=\"12.00\">transport.closed, deadline.expired, response.terminal</text>\n<text class=\"f-text\" x=\"211.35\" y=\"-165.54\" font-size=\"12.00\">timedOut &#160;</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-165.54\" font-size=\"12.00\">deadline.expired</text>\n<text class=\"f-text\" x=\"211.35\" y=\"-146.54\" font-size=\"12.00\">drained &#160;</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-146.54\" font-size=\"12.00\">deadline.expired [drainOverdue]</text>\n<text class=\"f-text\" x=\"211.35\" y=\"-127.54\" font-size=\"12.00\">violated &#160;</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-127.54\" font-size=\"12.00\">request.body, request.end, request.trailers, response.body, response.end,</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-112.54\" font-size=\"12.00\">response.trailers</text>\n<text class=\"f-text\" x=\"211.35\" y=\"-93.54\" font-size=\"12.00\">unknown &#160;</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-93.54\" font-size=\"12.00\">transport.closed, gateway.failed, usage.read,</text>\n<text class=\"f-event\" x=\"333.77\" y=\"-78.54\" font-size=\"12.00\">deadline.expired [settleOverdue]</text>\n</g>\n<g id=\"edge32\" class=\"edge\">\n<title>active.shutdown.draining&#45;&gt;settling</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M342.45,-670.08C344.79,-648.65 347,-622.11 347,-598.28 347,-598.28 347,-598.28 347,-445.08 347,-413.21 357.75,-383.29 374.17,-356.19\"/>\n<polygon class=\"f-edge s-edge\" points=\"376.24,-357.5 377.9,-350.27 372.09,-354.89 376.24,-357.5\"/>\n</g>\n<g id=\"node34\" class=\"node\">\n<title>processed</title>\n<path class=\"f-box s-line\" d=\"M745.19,-58.76C745.19,-58.76 332.81,-58.76 332.81,-58.76 326.81,-58.76 320.81,-52.76 320.81,-46.76 320.81,-46.76 320.81,-12 320.81,-12 320.81,-6 326.81,0 332.81,0 332.81,0 745.19,0 745.19,0 751.19,0 757.19,-6 757.19,-12 757.19,-12 757.19,-46.76 757.19,-46.76 757.19,-52.76 751.19,-58.76 745.19,-58.76\"/>\n<text class=\"f-text\" x=\"326.57\" y=\"-45.78\" font-weight=\"bold\" font-size=\"12.00\">processed</text>\n<text class=\"f-text\" x=\"326.57\" y=\"-26.78\" font-size=\"12.00\">each &#160;</text>\n<text class=\"f-event\" x=\"398.58\" y=\"-26.78\" font-size=\"12.00\">usage.recorded, deadline.expired [settleOverdue]</text>\n<text class=\"f-text\" x=\"326.57\" y=\"-7.78\" font-size=\"12.00\">unknown &#160;</text>\n<text class=\"f-event\" x=\"398.58\" y=\"-7.78\" font-size=\"12.00\">transport.closed [nothingHappened]</text>\n</g>\n<g id=\"edge35\" class=\"edge\">\n<title>active.shutdown.draining&#45;&gt;processed</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M230.35,-670.08C204.43,-652.72 184,-629.23 184,-598.28 184,-598.28 184,-598.28 184,-388.9 184,-247.35 102.53,-174.35 199,-70.76 208.41,-60.65 255.79,-52.56 312.34,-46.36\"/>\n<polygon class=\"f-edge s-edge\" points=\"312.54,-48.8 319.24,-45.62 312.02,-43.93 312.54,-48.8\"/>\n</g>\n<g id=\"node35\" class=\"node\">\n<title>active to detached</title>\n<text class=\"f-event\" x=\"555.58\" y=\"-652.28\" font-size=\"11.00\">downstream.closed</text>\n<text class=\"f-guard\" x=\"674.4\" y=\"-652.28\" font-size=\"11.00\">[detaches]</text>\n</g>\n<g id=\"edge33\" class=\"edge\">\n<title>active.shutdown.draining&#45;&gt;active to detached</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M452,-670.08C471.68,-665.86 514.86,-662.45 555.7,-660\"/>\n</g>\n<g id=\"edge26\" class=\"edge\">\n<title>active.shutdown.running to active.shutdown.draining&#45;&gt;active.shutdown.draining</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M330.39,-743.44C331.11,-740.26 332.01,-736.19 332.93,-732.11\"/>\n<polygon class=\"f-edge s-edge\" points=\"335.28,-732.81 334.42,-725.44 330.5,-731.74 335.28,-732.81\"/>\n</g>\n<g id=\"node30\" class=\"node\">\n<title>detached.awaitingHeaders to detached.awaitingFirstByte</title>\n<text class=\"f-event\" x=\"655.19\" y=\"-564.68\" font-size=\"11.00\">response.headers</text>\n<text class=\"f-guard\" x=\"767.4\" y=\"-564.68\" font-size=\"11.00\">[success]</text>\n<text class=\"f-command\" x=\"655.19\" y=\"-549.68\" font-size=\"11.00\">/ openBuffer</text>\n</g>\n<g id=\"edge28\" class=\"edge\">\n<title>detached.awaitingHeaders&#45;&gt;detached.awaitingHeaders to detached.awaitingFirstByte</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M747.45,-586.12C746.53,-582.48 745.48,-578.31 744.5,-574.41\"/>\n</g>\n<g id=\"node28\" class=\"node\">\n<title>detached.awaitingFirstByte</title>\n<path class=\"f-box s-line\" d=\"M796.37,-532.48C796.37,-532.48 669.63,-532.48 669.63,-532.48 666.03,-532.48 662.43,-528.88 662.43,-525.28 662.43,-525.28 662.43,-518.08 662.43,-518.08 662.43,-514.48 666.03,-510.88 669.63,-510.88 669.63,-510.88 796.37,-510.88 796.37,-510.88 799.97,-510.88 803.57,-514.48 803.57,-518.08 803.57,-518.08 803.57,-525.28 803.57,-525.28 803.57,-528.88 799.97,-532.48 796.37,-532.48\"/>\n<text class=\"f-text\" x=\"668.19\" y=\"-519.08\" font-weight=\"bold\" font-size=\"12.00\">awaitingFirstByte</text>\n</g>\n<g id=\"node31\" class=\"node\">\n<title>detached.awaitingFirstByte to detached.awaitingBody</title>\n<text class=\"f-event\" x=\"658.69\" y=\"-489.08\" font-size=\"11.00\">response.body</text>\n<text class=\"f-guard\" x=\"751.1\" y=\"-489.08\" font-size=\"11.00\">[else]</text>\n<text class=\"f-command\" x=\"658.69\" y=\"-474.08\" font-size=\"11.00\">/ bufferResponseBody</text>\n</g>\n<g id=\"edge30\" class=\"edge\">\n<title>detached.awaitingFirstByte&#45;&gt;detached.awaitingFirstByte to detached.awaitingBody</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M731.58,-510.52C731.07,-506.88 730.49,-502.71 729.95,-498.81\"/>\n</g>\n<g id=\"node29\" class=\"node\">\n<title>detached.awaitingBody</title>\n<path class=\"f-box s-line\" d=\"M763.37,-456.88C763.37,-456.88 672.63,-456.88 672.63,-456.88 669.03,-456.88 665.43,-453.28 665.43,-449.68 665.43,-449.68 665.43,-442.48 665.43,-442.48 665.43,-438.88 669.03,-435.28 672.63,-435.28 672.63,-435.28 763.37,-435.28 763.37,-435.28 766.97,-435.28 770.57,-438.88 770.57,-442.48 770.57,-442.48 770.57,-449.68 770.57,-449.68 770.57,-453.28 766.97,-456.88 763.37,-456.88\"/>\n<text class=\"f-text\" x=\"671.19\" y=\"-443.48\" font-weight=\"bold\" font-size=\"12.00\">awaitingBody</text>\n</g>\n<g id=\"edge37\" class=\"edge\">\n<title>detached.awaitingBody&#45;&gt;settling</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M718.11,-427.28C717.5,-409.37 714.53,-381.48 703,-360.52 702.2,-359.06 701.38,-357.61 700.54,-356.17\"/>\n<polygon class=\"f-edge s-edge\" points=\"702.7,-355.01 696.97,-350.3 698.51,-357.55 702.7,-355.01\"/>\n</g>\n<g id=\"edge29\" class=\"edge\">\n<title>detached.awaitingHeaders to detached.awaitingFirstByte&#45;&gt;detached.awaitingFirstByte</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M737.93,-544.74C737.65,-543.51 737.37,-542.25 737.09,-540.99\"/>\n<polygon class=\"f-edge s-edge\" points=\"739.53,-540.65 735.61,-534.36 734.74,-541.72 739.53,-540.65\"/>\n</g>\n<g id=\"edge31\" class=\"edge\">\n<title>detached.awaitingFirstByte to detached.awaitingBody&#45;&gt;detached.awaitingBody</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M724.16,-469.14C723.82,-467.91 723.47,-466.65 723.11,-465.39\"/>\n<polygon class=\"f-edge s-edge\" points=\"725.5,-464.82 721.26,-458.74 720.78,-466.14 725.5,-464.82\"/>\n</g>\n<g id=\"edge38\" class=\"edge\">\n<title>reading&#45;&gt;settling</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M535.02,-360.26C534.97,-359.26 534.92,-358.25 534.87,-357.21\"/>\n<polygon class=\"f-edge s-edge\" points=\"537.33,-357.36 534.6,-350.47 532.44,-357.56 537.33,-357.36\"/>\n</g>\n<g id=\"edge39\" class=\"edge\">\n<title>settling&#45;&gt;processed</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M534.54,-70.39C534.57,-69.39 534.61,-68.4 534.65,-67.43\"/>\n<polygon class=\"f-edge s-edge\" points=\"537.09,-67.64 534.95,-60.54 532.19,-67.42 537.09,-67.64\"/>\n</g>\n<g id=\"edge34\" class=\"edge\">\n<title>active to detached&#45;&gt;detached.awaitingHeaders</title>\n<path class=\"s-edge\" fill=\"none\" d=\"M659.7,-647.24C662.08,-645.95 664.75,-644.5 667.64,-642.93\"/>\n<polygon class=\"f-edge s-edge\" points=\"668.43,-645.29 673.42,-639.8 666.1,-640.98 668.43,-645.29\"/>\n</g>\n</g>\n</svg>\n",
  legacy: "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"436\" height=\"634\" viewBox=\"0 0 436 634\" role=\"img\" aria-labelledby=\"title description\">\n<title id=\"title\">The gateway of the bug</title>\n<desc id=\"description\">Its end of a response leads back to where a response is waited for.</desc>\n<rect class=\"paper\" width=\"100%\" height=\"100%\" rx=\"6\"/>\n<g id=\"graph0\" class=\"graph\" transform=\"scale(1 1) rotate(0) translate(7.2 627)\">\n<g id=\"node1\" class=\"node\">\n<title>awaitingHeaders</title>\n<path class=\"f-box s-line\" d=\"M366.78,-619.8C366.78,-619.8 55.21,-619.8 55.21,-619.8 49.21,-619.8 43.21,-613.8 43.21,-607.8 43.21,-607.8 43.21,-577.04 43.21,-577.04 43.21,-571.04 49.21,-565.04 55.21,-565.04 55.21,-565.04 366.78,-565.04 366.78,-565.04 372.78,-565.04 378.78,-571.04 378.78,-577.04 378.78,-577.04 378.78,-607.8 378.78,-607.8 378.78,-613.8 372.78,-619.8 366.78,-619.8\"/>\n<text class=\"f-guard\" x=\"48.97\" y=\"-606.82\" font-size=\"12.00\">● </text>\n<text class=\"f-text\" x=\"63.37\" y=\"-606.82\" font-weight=\"bold\" font-size=\"12.00\">awaitingHeaders</text>\n<text class=\"f-text\" x=\"48.97\" y=\"-587.82\" font-size=\"12.00\">→ awaitingResponse &#160;</text>\n<text class=\"f-event\" x=\"200.19\" y=\"-587.82\" font-size=\"12.00\">request.headers</text>\n<text class=\"f-command\" x=\"200.19\" y=\"-572.82\" font-size=\"12.00\">/ forwardRequestHeaders</text>\n</g>\n<g id=\"node2\" class=\"node\">\n<title>awaitingResponse</title>\n<path class=\"f-box s-line\" d=\"M341.58,-553.04C341.58,-553.04 80.41,-553.04 80.41,-553.04 74.41,-553.04 68.41,-547.04 68.41,-541.04 68.41,-541.04 68.41,-442.28 68.41,-442.28 68.41,-436.28 74.41,-430.28 80.41,-430.28 80.41,-430.28 341.58,-430.28 341.58,-430.28 347.58,-430.28 353.58,-436.28 353.58,-442.28 353.58,-442.28 353.58,-541.04 353.58,-541.04 353.58,-547.04 347.58,-553.04 341.58,-553.04\"/>\n<text class=\"f-text\" x=\"74.17\" y=\"-540.06\" font-weight=\"bold\" font-size=\"12.00\">awaitingResponse</text>\n<text class=\"f-text\" x=\"74.17\" y=\"-521.06\" font-size=\"12.00\">stays &#160;</text>\n<text class=\"f-event\" x=\"167.79\" y=\"-521.06\" font-size=\"12.00\">request.body</text>\n<text class=\"f-command\" x=\"167.79\" y=\"-506.06\" font-size=\"12.00\">/ forwardRequestBody</text>\n<text class=\"f-text\" x=\"74.17\" y=\"-487.06\" font-size=\"12.00\">stays &#160;</text>\n<text class=\"f-event\" x=\"167.79\" y=\"-487.06\" font-size=\"12.00\">request.end</text>\n<text class=\"f-command\" x=\"167.79\" y=\"-472.06\" font-size=\"12.00\">/ endRequest</text>\n<text class=\"f-text\" x=\"74.17\" y=\"-453.06\" font-size=\"12.00\">→ noBuffer &#160;</text>\n<text class=\"f-event\" x=\"167.79\" y=\"-453.06\" font-size=\"12.00\">response.headers</text>\n<text class=\"f-command\" x=\"167.79\" y=\"-438.06\" font-size=\"12.00\">/ forwardResponseHeaders</text>\n</g>\n<g id=\"node3\" class=\"node\">\n<title>noBuffer</title>\n<path class=\"f-box s-line\" d=\"M409.99,-418.28C409.99,-418.28 12,-418.28 12,-418.28 6,-418.28 0,-412.28 0,-406.28 0,-406.28 0,-292.52 0,-292.52 0,-286.52 6,-280.52 12,-280.52 12,-280.52 409.99,-280.52 409.99,-280.52 415.99,-280.52 421.99,-286.52 421.99,-292.52 421.99,-292.52 421.99,-406.28 421.99,-406.28 421.99,-412.28 415.99,-418.28 409.99,-418.28\"/>\n<text class=\"f-text\" x=\"5.76\" y=\"-405.3\" font-weight=\"bold\" font-size=\"12.00\">noBuffer</text>\n<text class=\"f-text\" x=\"5.76\" y=\"-386.3\" font-size=\"12.00\">→ emptyBuffer &#160;</text>\n<text class=\"f-event\" x=\"120.98\" y=\"-386.3\" font-size=\"12.00\">response.body</text>\n<text class=\"f-guard\" x=\"221.8\" y=\"-386.3\" font-size=\"12.00\">[empty]</text>\n<text class=\"f-command\" x=\"120.98\" y=\"-371.3\" font-size=\"12.00\">/ forwardResponseBody, openBuffer</text>\n<text class=\"f-text\" x=\"5.76\" y=\"-352.3\" font-size=\"12.00\">→ buffer &#160;</text>\n<text class=\"f-event\" x=\"120.98\" y=\"-352.3\" font-size=\"12.00\">response.body</text>\n<text class=\"f-guard\" x=\"221.8\" y=\"-352.3\" font-size=\"12.00\">[else]</text>\n<text class=\"f-command\" x=\"120.98\" y=\"-337.3\" font-size=\"12.00\">/ forwardResponseBody, openBuffer,</text>\n<text class=\"f-command\" x=\"120.98\" y=\"-322.3\" font-size=\"12.00\"> &#160;bufferResponseBody</text>\n<text class=\"f-text\" x=\"5.76\" y=\"-303.3\" font-size=\"12.00\">stays &#160;</text>\n<text class=\"f-event\" x=\"120.98\" y=\"-303.3\" font-size=\"12.00\">response.end</text>\n<text class=\"f-command\" x=\"120.98\" y=\"-288.3\" font-size=\"12.00\">/ openBuffer, readUsage, answer(unknown)</text>\n</g>\n<g id=\"node4\" class=\"node\">\n<title>emptyBuffer</title>\n<path class=\"f-box s-line\" d=\"M355.98,-268.52C355.98,-268.52 66.01,-268.52 66.01,-268.52 60.01,-268.52 54.01,-262.52 54.01,-256.52 54.01,-256.52 54.01,-142.76 54.01,-142.76 54.01,-136.76 60.01,-130.76 66.01,-130.76 66.01,-130.76 355.98,-130.76 355.98,-130.76 361.98,-130.76 367.98,-136.76 367.98,-142.76 367.98,-142.76 367.98,-256.52 367.98,-256.52 367.98,-262.52 361.98,-268.52 355.98,-268.52\"/>\n<text class=\"f-text\" x=\"59.77\" y=\"-255.54\" font-weight=\"bold\" font-size=\"12.00\">emptyBuffer</text>\n<text class=\"f-text\" x=\"59.77\" y=\"-236.54\" font-size=\"12.00\">stays &#160;</text>\n<text class=\"f-event\" x=\"153.38\" y=\"-236.54\" font-size=\"12.00\">response.body</text>\n<text class=\"f-guard\" x=\"254.2\" y=\"-236.54\" font-size=\"12.00\">[empty]</text>\n<text class=\"f-command\" x=\"153.38\" y=\"-221.54\" font-size=\"12.00\">/ forwardResponseBody</text>\n<text class=\"f-text\" x=\"59.77\" y=\"-202.54\" font-size=\"12.00\">→ buffer &#160;</text>\n<text class=\"f-event\" x=\"153.38\" y=\"-202.54\" font-size=\"12.00\">response.body</text>\n<text class=\"f-guard\" x=\"254.2\" y=\"-202.54\" font-size=\"12.00\">[else]</text>\n<text class=\"f-command\" x=\"153.38\" y=\"-187.54\" font-size=\"12.00\">/ forwardResponseBody,</text>\n<text class=\"f-command\" x=\"153.38\" y=\"-172.54\" font-size=\"12.00\"> &#160;bufferResponseBody</text>\n<text class=\"f-text\" x=\"59.77\" y=\"-153.54\" font-size=\"12.00\">→ noBuffer &#160;</text>\n<text class=\"f-event\" x=\"153.38\" y=\"-153.54\" font-size=\"12.00\">response.end</text>\n<text class=\"f-command\" x=\"153.38\" y=\"-138.54\" font-size=\"12.00\">/ readUsage, answer(unknown)</text>\n</g>\n<g id=\"node5\" class=\"node\">\n<title>buffer</title>\n<path class=\"f-box s-line\" d=\"M395.58,-118.76C395.58,-118.76 26.4,-118.76 26.4,-118.76 20.4,-118.76 14.4,-112.76 14.4,-106.76 14.4,-106.76 14.4,-12 14.4,-12 14.4,-6 20.4,0 26.4,0 26.4,0 395.58,0 395.58,0 401.58,0 407.58,-6 407.58,-12 407.58,-12 407.58,-106.76 407.58,-106.76 407.58,-112.76 401.58,-118.76 395.58,-118.76\"/>\n<text class=\"f-text\" x=\"20.16\" y=\"-105.78\" font-weight=\"bold\" font-size=\"12.00\">buffer</text>\n<text class=\"f-text\" x=\"20.16\" y=\"-86.78\" font-size=\"12.00\">stays &#160;</text>\n<text class=\"f-event\" x=\"113.78\" y=\"-86.78\" font-size=\"12.00\">response.body</text>\n<text class=\"f-command\" x=\"113.78\" y=\"-71.78\" font-size=\"12.00\">/ forwardResponseBody,</text>\n<text class=\"f-command\" x=\"113.78\" y=\"-56.78\" font-size=\"12.00\"> &#160;bufferResponseBody</text>\n<text class=\"f-text\" x=\"20.16\" y=\"-37.78\" font-size=\"12.00\">→ noBuffer &#160;</text>\n<text class=\"f-event\" x=\"113.78\" y=\"-37.78\" font-size=\"12.00\">response.end</text>\n<text class=\"f-command\" x=\"113.78\" y=\"-22.78\" font-size=\"12.00\">/ endResponse, readUsage,</text>\n<text class=\"f-command\" x=\"113.78\" y=\"-7.78\" font-size=\"12.00\"> &#160;recordUsage(completed), releaseBuffer</text>\n</g>\n</g>\n</svg>\n",
};

export const exhibits: readonly Exhibit[] = [
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "routeComesFirst",
        "sentence": "Nothing goes upstream before its route is known."
      },
      {
        "name": "everyWaitIsBounded",
        "sentence": "From the first headers until the exchange is processed, some deadline runs."
      },
      {
        "name": "connectDeadlineGuardsItsWait",
        "sentence": "Deadline \"connect\" runs from the forwarding to the connection."
      },
      {
        "name": "requestBodyDeadlineGuardsItsWait",
        "sentence": "Deadline \"requestBody\" runs until the request has ended."
      },
      {
        "name": "totalDeadlineGuardsItsWait",
        "sentence": "Deadline \"total\" runs from the request on, or from a response that comes without one."
      },
      {
        "name": "ordersAreForTheirEvents",
        "sentence": "What is forwarded, held, read or counted is what has just come."
      }
    ],
    "events": [
      "request.headers"
    ],
    "ending": "6 claims are broken by event 1, request.headers"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "firstByteDeadlineGuardsItsWait",
        "sentence": "Deadline \"firstByte\" runs from the headers of a success to its first byte, or the first pause."
      },
      {
        "name": "whatIsOddIsCounted",
        "sentence": "What a peer or an adapter sends again, too late or unasked is counted if it changes nothing."
      }
    ],
    "events": [
      "response.headers(success)"
    ],
    "ending": "2 claims are broken by event 1, response.headers(success)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "idleDeadlineGuardsItsWait",
        "sentence": "Deadline \"idle\" runs from the first byte, or the headers of an error, on, but for pauses."
      }
    ],
    "events": [
      "response.headers(refusal)"
    ],
    "ending": "a claim is broken by event 1, response.headers(refusal)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "drainDeadlineGuardsItsWait",
        "sentence": "Deadline \"drain\" runs once the gateway shuts down."
      }
    ],
    "events": [
      "drain.started"
    ],
    "ending": "a claim is broken by event 1, drain.started"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "detachDeadlineGuardsItsWait",
        "sentence": "Deadline \"detach\" runs while a response is read on for its bill."
      }
    ],
    "events": [
      "downstream.closed(cancel)"
    ],
    "ending": "a claim is broken by event 1, downstream.closed(cancel)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "whatIsOddIsCounted",
        "sentence": "What a peer or an adapter sends again, too late or unasked is counted if it changes nothing."
      }
    ],
    "events": [
      "request.routed"
    ],
    "ending": "a claim is broken by event 1, request.routed"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "staleDeadlineIsCounted",
        "sentence": "A deadline that decides nothing is counted, unless a pause or the response made it moot."
      }
    ],
    "events": [
      "deadline.expired(connect)"
    ],
    "ending": "a claim is broken by event 1, deadline.expired(connect)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "everyRequestIsProcessed",
        "sentence": "Every exchange that had a request is processed, whatever its peers do."
      },
      {
        "name": "everyCallIsDecided",
        "sentence": "An upstream that is called connects or fails, or the exchange has an outcome."
      },
      {
        "name": "everyClientIsTold",
        "sentence": "A client that stays gets an end, an answer or a reset."
      }
    ],
    "events": [
      "request.headers"
    ],
    "ending": "3 claims are broken: nothing more may come"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "everyShutdownEnds",
        "sentence": "Once the gateway shuts down, the exchange is processed."
      }
    ],
    "events": [
      "drain.started"
    ],
    "ending": "a claim is broken: nothing more may come"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "responseHeadersDeadlineGuardsItsWait",
        "sentence": "Deadline \"responseHeaders\" runs from the end of a forwarded request to the response headers."
      }
    ],
    "events": [
      "request.headers",
      "request.end"
    ],
    "ending": "a claim is broken by event 2, request.end"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "progressDeadlineGuardsItsWait",
        "sentence": "Deadline \"progress\" runs from the first byte of a success to its last event, but for pauses."
      }
    ],
    "events": [
      "response.headers(success)",
      "response.body(false)"
    ],
    "ending": "a claim is broken by event 2, response.body(false)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "stallDeadlineGuardsItsWait",
        "sentence": "Deadline \"stall\" runs while downstream does not read."
      }
    ],
    "events": [
      "response.headers(success)",
      "downstream.blocked"
    ],
    "ending": "a claim is broken by event 2, downstream.blocked"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "requestReachesTheUpstream",
        "sentence": "Every piece of a request is held until there is a route, and forwarded from then on."
      }
    ],
    "events": [
      "request.headers",
      "request.trailers"
    ],
    "ending": "a claim is broken by event 2, request.trailers"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "piecesRestartTheirDeadline",
        "sentence": "Each piece that comes, and no empty one, restarts the deadline of the pause before it."
      }
    ],
    "events": [
      "request.headers",
      "request.body"
    ],
    "ending": "a claim is broken by event 2, request.body"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "everyResponseIsProcessed",
        "sentence": "Every exchange that had a response is processed, whatever its peers do."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)"
    ],
    "ending": "a claim is broken: nothing more may come"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "leavingStopsTheUpstream",
        "sentence": "Once the downstream has gone, its upstream is cancelled, or read on within a bound."
      }
    ],
    "events": [
      "request.headers",
      "downstream.closed(cancel)"
    ],
    "ending": "a claim is broken: nothing more may come"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "everyRequestIsAnswered",
        "sentence": "A request that was sent whole gets response headers, or its exchange has an outcome."
      }
    ],
    "events": [
      "request.headers",
      "request.end"
    ],
    "ending": "a claim is broken: nothing more may come"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "firstByteDeadlineGuardsItsWait",
        "sentence": "Deadline \"firstByte\" runs from the headers of a success to its first byte, or the first pause."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)"
    ],
    "ending": "a claim is broken by event 2, response.headers(success)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "idleDeadlineGuardsItsWait",
        "sentence": "Deadline \"idle\" runs from the first byte, or the headers of an error, on, but for pauses."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(refusal)"
    ],
    "ending": "a claim is broken by event 2, response.headers(refusal)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "detachDeadlineGuardsItsWait",
        "sentence": "Deadline \"detach\" runs while a response is read on for its bill."
      }
    ],
    "events": [
      "request.headers",
      "downstream.closed(cancel)"
    ],
    "ending": "a claim is broken by event 2, downstream.closed(cancel)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "whatIsOddIsCounted",
        "sentence": "What a peer or an adapter sends again, too late or unasked is counted if it changes nothing."
      }
    ],
    "events": [
      "request.headers",
      "request.routed"
    ],
    "ending": "a claim is broken by event 2, request.routed"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "noAnswerOnceStarted",
        "sentence": "The gateway gives no answer of its own once response headers went downstream."
      },
      {
        "name": "emptyBufferIsNotRead",
        "sentence": "Usage is read at most once, before the record, and never from a buffer that got nothing."
      },
      {
        "name": "settleDeadlineGuardsItsWait",
        "sentence": "Deadline \"settle\" runs while usage is read and recorded."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.end"
    ],
    "ending": "3 claims are broken by event 3, response.end"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "chunksAreArbitrary",
        "sentence": "Once a response has headers, a body that is empty or follows another leads nowhere new."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.body(true)"
    ],
    "ending": "a claim is broken by event 3, response.body(true)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "requestKeepsItsOrder",
        "sentence": "The upstream gets headers once and first, and nothing after the request was ended once."
      },
      {
        "name": "lateRequestEndDoesNothing",
        "sentence": "What comes of a request after its end is neither held nor forwarded."
      }
    ],
    "events": [
      "request.headers",
      "request.end",
      "request.body"
    ],
    "ending": "2 claims are broken by event 3, request.body"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "lingerDeadlineGuardsItsWait",
        "sentence": "Deadline \"linger\" runs from the last event on."
      }
    ],
    "events": [
      "response.headers(success)",
      "response.body(false)",
      "response.terminal(succeeded)"
    ],
    "ending": "a claim is broken by event 3, response.terminal(succeeded)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "responseIsPassedOn",
        "sentence": "Every body of a response that has started goes downstream while the client is there."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.trailers"
    ],
    "ending": "a claim is broken by event 3, response.trailers"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "everyReadingIsRecorded",
        "sentence": "Once usage is read, the exchange is recorded, even if nobody tells what was read."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.end"
    ],
    "ending": "a claim is broken: nothing more may come"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "progressDeadlineGuardsItsWait",
        "sentence": "Deadline \"progress\" runs from the first byte of a success to its last event, but for pauses."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.body(false)"
    ],
    "ending": "a claim is broken by event 3, response.body(false)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "stallDeadlineGuardsItsWait",
        "sentence": "Deadline \"stall\" runs while downstream does not read."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "downstream.blocked"
    ],
    "ending": "a claim is broken by event 3, downstream.blocked"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "errorStatusIsNoSuccess",
        "sentence": "A 4xx or 5xx is never completed."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(refusal)",
      "response.body(false)",
      "response.end"
    ],
    "ending": "a claim is broken by event 4, response.end"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "nothingFollowsTheLastWord",
        "sentence": "Nothing goes downstream after its end, its answer or its reset, of which there is one."
      },
      {
        "name": "bufferIsWrittenWhileOpen",
        "sentence": "The buffer is opened at most once, and written only between its opening and its reading."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.end",
      "response.body(false)"
    ],
    "ending": "2 claims are broken by event 4, response.body(false)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "lateEndDoesNothing",
        "sentence": "An end of the response that comes again, or late, orders nothing."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.end",
      "response.end"
    ],
    "ending": "a claim is broken by event 4, response.end"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "upstreamIsLetGo",
        "sentence": "By the record, the upstream has failed, was cancelled, or had both halves ended."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.body(false)",
      "response.end"
    ],
    "ending": "a claim is broken by event 4, response.end"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "lateConnectionIsNotKept",
        "sentence": "An upstream that connects only after the outcome is cancelled."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.end",
      "upstream.connected"
    ],
    "ending": "a claim is broken by event 4, upstream.connected"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "lingerDeadlineGuardsItsWait",
        "sentence": "Deadline \"linger\" runs from the last event on."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.body(false)",
      "response.terminal(succeeded)"
    ],
    "ending": "a claim is broken by event 4, response.terminal(succeeded)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "toldIsEnough",
        "sentence": "An exchange that is over is processed by what its adapter tells, without a deadline."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.end",
      "usage.read"
    ],
    "ending": "a claim is broken: nothing more may come"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "staleDeadlineIsCounted",
        "sentence": "A deadline that decides nothing is counted, unless a pause or the response made it moot."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.end",
      "deadline.expired(connect)"
    ],
    "ending": "a claim is broken by event 4, deadline.expired(connect)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "firstTerminalWins",
        "sentence": "No exchange has two outcomes."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.body(false)",
      "response.end",
      "response.end"
    ],
    "ending": "a claim is broken by event 5, response.end"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "errorInsideSuccessIsNoSuccess",
        "sentence": "A stream whose last event was an error is never completed, whatever its status said."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.body(false)",
      "response.terminal(failed)",
      "response.end"
    ],
    "ending": "a claim is broken by event 5, response.end"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "bufferIsReleasedLast",
        "sentence": "The buffer is released once and last; then anomalies are counted and late upstreams let go."
      },
      {
        "name": "onlySettlingFollowsTheOutcome",
        "sentence": "After the record only its being written, or not in time, leads on; processed stays."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.body(false)",
      "response.end",
      "response.body(false)"
    ],
    "ending": "2 claims are broken by event 5, response.body(false)"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "toldIsEnough",
        "sentence": "An exchange that is over is processed by what its adapter tells, without a deadline."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.end",
      "usage.read",
      "response.end"
    ],
    "ending": "a claim is broken: from event 4 on it can go round for ever"
  },
  {
    "machine": "legacy",
    "claims": [
      {
        "name": "recordedOnce",
        "sentence": "An exchange is recorded at most once."
      }
    ],
    "events": [
      "request.headers",
      "response.headers(success)",
      "response.body(false)",
      "response.end",
      "response.body(false)",
      "response.end"
    ],
    "ending": "a claim is broken by event 6, response.end"
  }
];
