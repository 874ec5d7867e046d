0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
2.000 client1 at node1
2.000 client2 at node1
2.000 client3 at node1
2.000 client4 at node1
2.000 client5 at node1
3.000 partition node1 | rest
3.000 candidates node2
3.100 client0 write r0 A
3.100 client1 write r1 B
3.100 client2 write r2 C
3.100 client3 write r3 D
3.100 client4 write r4 E
3.100 client5 write r5 F
      node2 campaigns in term 3
      node2 leads in term 3
      committed to 6
      node1 leads no more
4.000 crash node1 for 1s
      node1 is down
      client0 writes r0: unknown
      client3 writes r3: unknown
      client5 writes r5: unknown
      client2 writes r2: unknown
      client4 writes r4: unknown
      client1 writes r1: unknown
      node1 starts, boot 2
7.000 heal
      committed to 7
9.000 candidates node1
9.000 crash node2
      node2 is down
      node1 campaigns in term 4
      node1 leads in term 4
      committed to 8
11.000 stall disk node1 for 500ms
11.010 client6 at node3
11.020 client6 write r6 G
       committed to 9
       client6 writes r6: done
       the faults stop for node1 node2 node3
       node2 starts, boot 2
       committed to 24
       held
